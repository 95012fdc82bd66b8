/* main.c - the pipeline, on one screen. The text may have to be read more than once: calls of macros that
 * hold an await are expanded in place, and `await task` gets the star that gives it its type. */
#include "asyncc.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct Pass {
    const char *name;
    void (*run)(Fn *);
} Pass;

static const Pass passes[] = {
    { "handles", mark_tested_handles }, /* where a task's handle is only looked at         */
    { "futures", mark_futures },       /* that are driven at more than one place          */
    { "scopes", find_owed },           /* cleanups that are owed where scopes are left   */
    { "types", lower_variable_types }, /* what is variably modified where an await stands    */
    { "sequence", sequence_operands }, /* operands -> temporaries                        */
    { "cfg", build_cfg },              /* statements -> blocks, each with its exit       */
    { "tasks", check_handles },        /* handles that are lost, or used twice            */
    { "kept", check_futures },         /* and futures; what has finished isn't waited for */
    { "liveness", find_live_locals },  /* blocks -> which locals need a frame slot       */
    { "place", place_locals },         /* hidden names, literals that a block would end  */
    { "frame", lay_out_frame },        /* locals, children -> fields of one struct       */
};

static bool stops_at(const Tu *tu, const char *pass)
{
    return tu->options->dump && !strcmp(tu->options->dump, pass);
}

/* The text with what the last read asked for. */
static bool improve_source(Tu *tu)
{
    if (tu->nhard)
        find_macros(tu);
    sort_changes(tu->hard, tu->nhard); /* lowering asks in an order of its own */
    free_reader(tu);
    tu->source = tu->nhard ? expand_macros(tu, tu->hard, tu->nhard)
                           : change_source(tu, tu->source, tu->inserts, tu->ninserts);
    return tu->source != NULL;
}

static int analyse(Tu *tu)
{
    order_calls(tu);
    if (!check_branches(tu))
        return 1;
    name_parameters(tu);
    size_t npasses = sizeof passes / sizeof *passes, last = 0;
    while (last < npasses && !stops_at(tu, passes[last].name))
        last++;
    bool stops = last < npasses;
    /* Function by function, in the order of calls: a caller's frame holds those of its callees. */
    tu->work = tu->options->emit == EMIT_C && !stops ? tu->scratch : tu->arena;
    for (int k = 0; k < tu->nfns; k++) {
        Fn *fn = tu->fns[k];
        for (size_t i = 0; i < npasses && i <= last && fn->body; i++)
            passes[i].run(fn);
        if (!stops && (fn->body || fn->is_leaf))
            check_budget(fn);
        if (tu->work == tu->scratch) {
            fn->blocks = NULL;
            fn->nblocks = fn->blocks_room = 0;
            empty_arena(tu->scratch);
        }
    }
    if (stops) {
        dump_functions(tu, passes[last].name, stdout);
        return 0;
    }
    return check_locals(tu) ? -1 : 1;
}

/* Each round expands what the one before couldn't see into; a call that stays as it is would go on forever. */
enum { MOST_ROUNDS = 12 };

static int emit(Tu *tu)
{
    for (int round = 0;; round++) {
        forget_diagnostics(tu);
        bool good = read_functions(tu);
        if (tu->nhard && round == MOST_ROUNDS) {
            report(tu, ERROR, tu->hard[0].from, tu->hard[0].to, "this macro call can't be expanded far enough");
            return 1;
        }
        if (tu->ninserts && round > 2 * MOST_ROUNDS) {
            report(tu, ERROR, tu->inserts[0].from, tu->inserts[0].to, "this can't be read");
            return 1;
        }
        if (tu->nhard || tu->ninserts) {
            if (!improve_source(tu))
                return 1;
            continue;
        }
        if (!good)
            return 1;
        if (stops_at(tu, "read")) {
            dump_functions(tu, "read", stdout);
            return 0;
        }
        int status = analyse(tu);
        if (status >= 0)
            return status;
        switch (tu->options->emit) {
        case EMIT_C:
            if (emit_c(tu))
                return -1;
            if (count_errors(tu))
                return 1;
            if (!improve_source(tu))
                return 1;
            continue;
        case EMIT_HEADER:
            emit_header(tu);
            return -1;
        case EMIT_ELIDED:
            emit_elided(tu);
            return -1;
        case EMIT_FRAMES:
            emit_frames(tu);
            return -1;
        case EMIT_DOT:
            emit_dot(tu);
            return -1;
        case EMIT_JSON:
            emit_json(tu);
            return -1;
        }
    }
}

static bool knows_pass(const char *name)
{
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
        if (!strcmp(name, passes[i].name))
            return true;
    return !strcmp(name, "read");
}

/* A header's frames are those of its modules' own C, so these are translated, as far as that. Warnings are for
 * whoever compiles them. */
static bool translate_modules(Tu *tu)
{
    Options *plain = take(tu->arena, sizeof *plain);
    *plain = *tu->options;
    plain->no_warnings = true;
    plain->clang_args = take(tu->arena, (size_t)(plain->nclang_args + 3) * sizeof *plain->clang_args);
    plain->nclang_args = 0;
    for (int i = 0; i < tu->options->nclang_args; i++) { /* without -Werror, -Wall */
        const char *argument = tu->options->clang_args[i];
        if (strncmp(argument, "-W", 2) || !strncmp(argument, "-Wp,", 4))
            plain->clang_args[plain->nclang_args++] = argument;
    }
    plain->clang_args[plain->nclang_args++] = "-w";
    plain->most_frame = 0;
    plain->frame_notes = false;
    tu->modules = take(tu->arena, sizeof *tu->modules * (size_t)(plain->nmodules + 1));
    for (int i = 0; i < plain->nmodules; i++) {
        Options *options = take(tu->arena, sizeof *options);
        *options = *plain;
        options->input = plain->modules[i];
        options->emit = EMIT_C;
        options->dump = NULL;
        Tu *module = tu->modules[i] = take(tu->arena, sizeof *module);
        *module = (Tu){ .arena = tu->arena, .scratch = tu->scratch, .options = options, .out = { .arena = tu->arena } };
        int status = read_source(module) ? emit(module) : 1;
        free_reader(module);
        if (status >= 0 || count_errors(module)) {
            print_diagnostics(module, stderr);
            return false;
        }
    }
    /* What the header includes of its own accord, the file may use. */
    plain->clang_args[plain->nclang_args++] = "-include";
    plain->clang_args[plain->nclang_args++] = "ac/future.h";
    tu->options = plain;
    return true;
}

static int translate(Tu *tu)
{
    if (tu->options->emit == EMIT_HEADER && !translate_modules(tu))
        return 1;
    int status = read_source(tu) ? emit(tu) : 1;
    if (status < 0 && !count_errors(tu)) {
        print_diagnostics(tu, stderr);
        status = deliver(tu);
    } else {
        print_diagnostics(tu, stderr);
        if (status < 0)
            status = 1;
    }
    free_reader(tu);
    return status;
}

typedef struct Run {
    Tu *tu;
    int status;
} Run;

static void *run_translation(void *run)
{
    ((Run *)run)->status = translate(((Run *)run)->tu);
    return NULL;
}

int main(int argc, char **argv)
{
    Arena *arena = new_arena();
    Options options = { 0 };
    int status = read_options(arena, argc, argv, &options);
    if (status >= 0) {
        free_arena(arena);
        return status;
    }
    if (options.dump && !knows_pass(options.dump)) {
        fprintf(stderr, "asyncc: error: unknown pass '%s'; there are read", options.dump);
        for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
            fprintf(stderr, ", %s", passes[i].name);
        fprintf(stderr, "\n");
        free_arena(arena);
        return 2;
    }
    /* libclang would parse on a thread of its own, with a stack of 8 MB. */
    setenv("LIBCLANG_NOTHREADS", "1", 1);
    prepare_heap();
    Tu tu = { .arena = arena, .scratch = new_arena(), .options = &options, .out = { .arena = arena } };
    Run run = { .tu = &tu, .status = 1 };
    /* The passes recur over the program's own nesting; this stack is as deep as anybody nests. */
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)512 << 20);
    if (pthread_create(&thread, &attributes, run_translation, &run))
        run_translation(&run);
    else
        pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    free_arena(tu.scratch);
    free_arena(arena);
    return run.status;
}
