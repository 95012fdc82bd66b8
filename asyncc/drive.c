/* drive.c - what becomes of the output: a file, an object, a program that runs.
 *
 *     asyncc in.ac                 in.c, written beside its place and renamed: never half a file
 *     asyncc -c in.ac              cc -c /tmp/asyncc-x/in.c -o in.o
 *     asyncc --run in.ac a b       cc /tmp/asyncc-x/in.c libac.a -o /tmp/asyncc-x/in; /tmp/asyncc-x/in a b
 *
 * The depfile is written before the output, so that an output is never newer than what make knows of it. */
#include "asyncc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <dirent.h>
#include <unistd.h>

extern char **environ;

/* ---- files --------------------------------------------------------------------------------------------- */

static int cannot(const char *what, const char *name)
{
    fprintf(stderr, "asyncc: error: cannot %s '%s': %s\n", what, name, strerror(errno));
    return 1;
}

/* False with errno set. */
static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        size -= (size_t)n;
    }
    return true;
}

/* The mode that a new file would have. */
static mode_t default_mode(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* A file as a whole or not at all; what is no regular file (a pipe, /dev/null) is just written to. */
static int write_file(Arena *arena, const char *name, const Buf *text)
{
    const char *bytes = text->text ? text->text : "";
    if (strcmp(name, "-") == 0) {
        fflush(stdout);
        return write_all(STDOUT_FILENO, bytes, text->size) ? 0 : cannot("write", "standard output");
    }
    struct stat st;
    mode_t mode = default_mode();
    const char *target = name;
    if (stat(name, &st) == 0) {
        if (S_ISDIR(st.st_mode)) {
            errno = EISDIR;
            return cannot("write", name);
        }
        if (!S_ISREG(st.st_mode)) {
            int fd = open(name, O_WRONLY | O_CLOEXEC);
            bool ok = fd >= 0 && write_all(fd, bytes, text->size);
            if (fd >= 0 && close(fd) != 0)
                ok = false;
            return ok ? 0 : cannot("write", name);
        }
        if (access(name, W_OK) != 0)
            return cannot("write", name); /* A rename would not ask. */
        mode = st.st_mode & 0777;
        /* A link stays, what it leads to is replaced. */
        char real[PATH_MAX];
        if (realpath(name, real))
            target = take_text(arena, real, strlen(real));
    }
    char *temporary = take_format(arena, "%s.XXXXXX", target);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return cannot("write", name);
    bool ok = write_all(fd, bytes, text->size) && fchmod(fd, mode) == 0;
    int error = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (ok && rename(temporary, target) != 0) {
        ok = false;
        error = errno;
    }
    if (!ok) {
        unlink(temporary);
        errno = error;
        return cannot("write", name);
    }
    return 0;
}

/* ---- scratch directories -------------------------------------------------------------------------------- */

const char *make_scratch(Arena *arena)
{
    const char *parent = getenv("TMPDIR");
    char *path = take_format(arena, "%s/asyncc-XXXXXX", parent && *parent ? parent : "/tmp");
    if (!mkdtemp(path)) {
        cannot("make", path);
        return NULL;
    }
    return path;
}

void remove_scratch(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *e; (e = readdir(directory));)
        unlinkat(dirfd(directory), e->d_name, 0); /* "." and ".." are refused. */
    closedir(directory);
    rmdir(path);
}

/* ---- commands -------------------------------------------------------------------------------------------- */

void add_argument(Command *command, const char *argument)
{
    *push(command->arena, command->argv, command->argc, command->room) = argument;
}

/* The signals by which somebody asks us to end. While a command runs they are the command's: the terminal
 * sends SIGINT to both, and what was sent to us alone is passed on. */
static const int ending_signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
enum { NENDING = sizeof ending_signals / sizeof *ending_signals };

/* At file level because a signal handler can be told in no other way. The command that runs, 0 before it
 * has started; and the signal that came until then. */
static volatile pid_t running;
static volatile sig_atomic_t early_signal;

static void pass_signal_on(int number, siginfo_t *info, void *context)
{
    (void)context;
    int error = errno;
    if (running == 0)
        early_signal = number;
    else if (info->si_code != SI_KERNEL)
        kill(running, number);
    errno = error;
}

static int wait_for(pid_t pid)
{
    for (;;) {
        int status;
        pid_t done = waitpid(pid, &status, 0);
        if (done == pid)
            return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        if (done < 0 && errno != EINTR)
            return -1;
    }
}

int run_command(Command *command, const char *output, const char *errors)
{
    add_argument(command, NULL);
    command->argc--;
    fflush(NULL);

    struct sigaction old[NENDING], old_child;
    struct sigaction action = { .sa_sigaction = pass_signal_on, .sa_flags = SA_SIGINFO | SA_RESTART };
    sigemptyset(&action.sa_mask);
    running = 0;
    early_signal = 0;
    for (int i = 0; i < NENDING; i++) {
        sigaction(ending_signals[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN) /* nohup: the command ignores it too. */
            sigaction(ending_signals[i], &action, NULL);
    }
    /* Whoever started us may have SIGCHLD ignored, and then there would be no status to wait for. */
    sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, &old_child);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (output)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (errors)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t pid;
    /* argv is const for us; exec doesn't write to it either. */
    int error = posix_spawnp(&pid, command->argv[0], &actions, NULL, (char *const *)command->argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    int status = -1;
    if (error == 0) {
        running = pid;
        if (early_signal)
            kill(pid, early_signal);
        status = wait_for(pid);
        error = errno;
        running = 0;
    }
    for (int i = 0; i < NENDING; i++)
        sigaction(ending_signals[i], &old[i], NULL);
    sigaction(SIGCHLD, &old_child, NULL);
    errno = error;
    return status;
}

void start_compiler(Tu *tu, Command *command)
{
    const Options *o = tu->options;
    for (const char *p = o->cc; *p;) {
        size_t word = strcspn(p, " \t");
        if (word > 0)
            add_argument(command, take_text(tu->arena, p, word));
        p += word;
        p += strspn(p, " \t");
    }
    if (command->argc == 0)
        add_argument(command, "cc");
    const char *directory = strcmp(o->input, "-") == 0 ? "" : directory_of(tu->arena, o->input);
    add_argument(command, "-iquote");
    add_argument(command, *directory ? directory : ".");
    for (int i = 0; i < o->ncc_args; i++)
        add_argument(command, o->cc_args[i]);
}

/* ---- the depfile --------------------------------------------------------------------------------------- */

/* The end of a path without its last suffix. */
static const char *with_suffix(Arena *arena, const char *path, const char *suffix)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    size_t length = dot && dot != path && (!slash || dot > slash + 1) ? (size_t)(dot - path) : strlen(path);
    return take_format(arena, "%.*s%s", (int)length, path, suffix);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

typedef struct Paths {
    Arena *arena;
    const char **v;
    int n, room;
} Paths;

static void add_path(Paths *paths, const char *path)
{
    for (int i = 0; i < paths->n; i++)
        if (strcmp(paths->v[i], path) == 0)
            return;
    *push(paths->arena, paths->v, paths->n, paths->room) = path;
}

/* What a translation has read besides its input. */
static void add_deps(Paths *deps, const Tu *tu)
{
    for (int i = 0; i < tu->nah_files; i++)
        add_path(deps, tu->ah_files[i]->path);
    for (int i = 0; i < tu->nincludes; i++)
        if (tu->options->deps != DEPS_USER || !tu->include_is_system[i])
            add_path(deps, tu->includes[i]);
}

static int write_deps(Tu *tu)
{
    const Options *o = tu->options;
    bool to_file = o->output && strcmp(o->output, "-") != 0;
    bool from_file = strcmp(o->input, "-") != 0;

    Paths deps = { .arena = tu->arena };
    if (from_file)
        add_path(&deps, o->input);
    add_deps(&deps, tu);
    /* A header depends on all that its modules do. */
    for (int i = 0; i < o->nmodules; i++) {
        add_path(&deps, o->modules[i]);
        add_deps(&deps, tu->modules[i]);
    }

    Buf text = { .arena = tu->arena };
    const char *target = o->deps_target;
    if (!target)
        target = quote_for_make(tu->arena, to_file ? o->output : with_suffix(tu->arena, base_name(o->input), ".o"));
    add_format(&text, "%s:", target);
    for (int i = 0; i < deps.n; i++)
        add_format(&text, "%s%s", i > 0 ? " \\\n  " : " ", quote_for_make(tu->arena, deps.v[i]));
    add(&text, "\n");
    for (int i = from_file; o->deps_phony && i < deps.n; i++)
        add_format(&text, "%s:\n", quote_for_make(tu->arena, deps.v[i]));
    const char *name = o->deps_file ? o->deps_file : with_suffix(tu->arena, o->output, ".d");
    return write_file(tu->arena, name, &text);
}

/* ---- -c and --run -------------------------------------------------------------------------------------- */

/* Runs a compiler that says itself what it doesn't like. */
static int compile(Command *command)
{
    int status = run_command(command, NULL, NULL);
    if (status < 0)
        return cannot("run", command->argv[0]);
    return status == 0 ? 0 : 1;
}

static int make_object(Tu *tu, const char *scratch, const char *source)
{
    Command command = { .arena = tu->arena };
    start_compiler(tu, &command);
    /* Or debug information would name a directory that is another one each time. */
    add_argument(&command, take_format(tu->arena, "-fdebug-prefix-map=%s=.", scratch));
    add_argument(&command, "-c");
    add_argument(&command, source);
    add_argument(&command, "-o");
    add_argument(&command, tu->options->output);
    return compile(&command);
}

static int run_program(Tu *tu, const char *scratch, const char *source)
{
    const Options *o = tu->options;
    const char *program = o->output && strcmp(o->output, "-") != 0 ? o->output : with_suffix(tu->arena, source, "");
    if (!strchr(program, '/'))
        program = take_format(tu->arena, "./%s", program);
    Command link = { .arena = tu->arena };
    start_compiler(tu, &link);
    add_argument(&link, take_format(tu->arena, "-fdebug-prefix-map=%s=.", scratch));
    add_argument(&link, source);
    add_argument(&link, "-o");
    add_argument(&link, program);
    add_argument(&link, runtime_library(tu->arena));
    add_argument(&link, "-pthread");
    for (int i = 0; i < o->nlink_args; i++)
        add_argument(&link, o->link_args[i]);
    int status = compile(&link);
    if (status != 0)
        return status;

    Command run = { .arena = tu->arena };
    add_argument(&run, program);
    for (int i = 0; i < o->nrun_args; i++)
        add_argument(&run, o->run_args[i]);
    status = run_command(&run, NULL, NULL);
    return status < 0 ? cannot("run", program) : status;
}

int deliver(Tu *tu)
{
    const Options *o = tu->options;
    if (o->deps != DEPS_NONE && !(o->run && !o->output && !o->deps_file) && write_deps(tu) != 0)
        return 1;
    if (!o->compile && !o->run)
        return write_file(tu->arena, o->output, &tu->out);

    const char *scratch = make_scratch(tu->arena);
    if (!scratch)
        return 1;
    const char *name = strcmp(o->input, "-") == 0 ? "stdin" : base_name(o->input);
    const char *source = take_format(tu->arena, "%s/%s", scratch, with_suffix(tu->arena, name, ".c"));
    int status = write_file(tu->arena, source, &tu->out);
    if (status == 0)
        status = o->run ? run_program(tu, scratch, source) : make_object(tu, scratch, source);
    remove_scratch(scratch);
    return status;
}
