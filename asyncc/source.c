/* source.c - the text of one translation, and where each byte of it comes from.
 *
 *     m.ac:1  #include "io.ah"            io.ah:1  async int get(int);
 *     m.ac:2  async int f(void) { ... }   m.ac:2   async int f(void) { ... }
 *
 * An .ah file holds keywords, so a plain compiler can't include it: it is pasted in place of its #include
 * line, also where that line may be inactive (its own guard, and the conditionals around it, still decide in
 * the output). Segments begin at line starts, so a #line directive can stand before each. A file that is
 * being pasted already is pasted as nothing, which is what its guard would make of it. `#pragma once` says
 * nothing in a pasted text; it is blanked, and where its file is pasted more than once, it becomes a guard.
 *
 * A pasted file's own #include "y.h" means a file beside it. Where that would be another one, or none, when
 * looked up from the main file's place, the line is rewritten. */
#include "asyncc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BIGGEST_TEXT = 1 << 30, DEEPEST_PASTE = 200 };

/* ---- files ---------------------------------------------------------------------------------- */

/* All of a descriptor's bytes, or null with errno set. */
static char *read_all(Arena *arena, int fd, size_t *size)
{
    struct stat st;
    size_t room = 64 * 1024, used = 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= BIGGEST_TEXT)
        room = (size_t)st.st_size + 1;
    char *text = take(arena, room + 1);
    for (;;) {
        if (used == room) {
            if (room > BIGGEST_TEXT) {
                errno = EFBIG;
                return NULL;
            }
            char *bigger = take(arena, 2 * room + 1);
            memcpy(bigger, text, used);
            text = bigger;
            room *= 2;
        }
        ssize_t n = read(fd, text + used, room - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return NULL;
        if (n == 0)
            break;
        used += (size_t)n;
    }
    if (used >= BIGGEST_TEXT) {
        errno = EFBIG;
        return NULL;
    }
    text[used] = '\0';
    *size = used;
    return text;
}

/* As a string of C. */
static const char *quote_path(Arena *arena, const char *path)
{
    Buf quoted = { .arena = arena };
    add(&quoted, "\"");
    for (const char *p = path; *p;) {
        size_t plain = strcspn(p, "\"\\");
        if (!plain) { /* the character counts as plain behind its backslash */
            add_bytes(&quoted, "\\", 1);
            plain = 1;
        }
        add_bytes(&quoted, p, plain);
        p += plain;
    }
    add(&quoted, "\"");
    return quoted.text;
}

static File *make_file(Tu *tu, const char *path, const char *text, size_t size)
{
    File *file = take(tu->arena, sizeof *file);
    file->path = path;
    file->quoted = quote_path(tu->arena, path);
    file->text = text;
    file->size = (int)size;
    int room = 0;
    *push(tu->arena, file->line_at, file->nlines, room) = 0;
    for (const char *p = text; (p = memchr(p, '\n', size - (size_t)(p - text)));)
        *push(tu->arena, file->line_at, file->nlines, room) = (int)(++p - text);
    *push(tu->arena, tu->files, tu->nfiles, tu->files_room) = file;
    return file;
}

/* Null with errno set; "-" is standard input. */
static File *load(Tu *tu, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    size_t size;
    char *text = read_all(tu->arena, fd, &size);
    int error = errno;
    if (!is_stdin)
        close(fd);
    errno = error;
    if (!text)
        return NULL;
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3; /* A byte order mark is no text; it would also hide that a line starts behind it. */
        size -= 3;
    }
    return make_file(tu, is_stdin ? "<stdin>" : take_text(tu->arena, path, strlen(path)), text, size);
}

File *open_file(Tu *tu, const char *path)
{
    for (int i = 0; i < tu->nfiles; i++)
        if (strcmp(tu->files[i]->path, path) == 0)
            return tu->files[i];
    return strcmp(path, "-") == 0 ? NULL : load(tu, path);
}

const char *directory_of(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return "";
    return slash == path ? "/" : take_text(arena, path, (size_t)(slash - path));
}

static const char *join_path(Arena *arena, const char *directory, const char *name)
{
    size_t n = strlen(directory);
    if (n == 0 || name[0] == '/')
        return name;
    return take_format(arena, directory[n - 1] == '/' ? "%s%s" : "%s/%s", directory, name);
}

/* ---- places ----------------------------------------------------------------------------------- */

static Place place_in(File *file, int offset)
{
    const int *at = file->line_at;
    int low = 0, high = file->nlines; /* at[low] <= offset < at[high] */
    /* Who asks goes through the text, as a rule: the line is the one found last, or one of the next. */
    int near = file->near, reach = near + 8;
    if (at[near] <= offset) {
        low = near;
        if (reach < high && offset < at[reach])
            high = reach;
    }
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (at[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    file->near = low;
    return (Place){ file, offset, low + 1, offset - at[low] + 1 };
}

/* The segment that holds offset. */
static int find_seg(const Source *source, int offset)
{
    int low = 0, high = source->nsegs;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (source->segs[middle].at <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

Place place_of(const Source *source, int offset)
{
    const Seg *seg = &source->segs[find_seg(source, offset)];
    return place_in(seg->file, seg->made ? seg->offset : seg->offset + (offset - seg->at));
}

bool is_made_text(const Source *source, int offset)
{
    return source->segs[find_seg(source, offset)].made;
}

int first_word(const Source *source, int offset)
{
    int low = 0, high = source->words.n;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (source->words.v[middle].at < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The last word whose stand-in begins at or before the offset, or -1. It is looked for near a word, or -1, first. */
static int word_before(const Source *source, int parse_offset, int near)
{
    const Word *words = source->words.v;
    int low = -1, high = source->words.n, reach = 4;
    if (near < 0 || words[near].parse_at <= parse_offset) {
        low = near;
        if (near + reach < high && parse_offset < words[near + reach].parse_at)
            high = near + reach;
    } else {
        high = near;
        if (near >= reach && words[near - reach].parse_at <= parse_offset)
            low = near - reach;
    }
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (words[middle].parse_at <= parse_offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int text_offset(const Source *source, int parse_offset, int *hint)
{
    const Words *words = &source->words;
    int i = *hint - 1;
    bool good = (i < 0 || words->v[i].parse_at <= parse_offset) &&
                (i + 1 >= words->n || parse_offset < words->v[i + 1].parse_at);
    if (!good)
        i = word_before(source, parse_offset, i);
    *hint = i + 1;
    if (i < 0)
        return parse_offset;
    const Word *word = &words->v[i];
    int behind = parse_offset - word->parse_at;
    if (behind < word->parse_size)
        return word->at + (behind < word->size ? behind : word->size - 1);
    return word->at + word->size + behind - word->parse_size;
}

const Word *find_word(const Source *source, int parse_offset)
{
    int i = word_before(source, parse_offset, -1);
    return i >= 0 && source->words.v[i].parse_at == parse_offset ? &source->words.v[i] : NULL;
}

void add_line_directive(Buf *buf, const File *file, int line)
{
    add_bytes(buf, "#line ", 6);
    add_number(buf, line);
    add_bytes(buf, " ", 1);
    add(buf, file->quoted);
    add_bytes(buf, "\n", 1);
}

void add_with_lines(Buf *buf, const Source *source, int from, int to, Belief *said)
{
    for (int i = find_seg(source, from); i < source->nsegs && from < to; i++) {
        const Seg *seg = &source->segs[i];
        int stop = i + 1 < source->nsegs && source->segs[i + 1].at < to ? source->segs[i + 1].at : to;
        bool line_starts = from == 0 || source->text[from - 1] == '\n';
        if (!seg->made && line_starts) {
            Place place = place_of(source, from);
            if (said->file != place.file || said->line != place.line)
                add_line_directive(buf, place.file, place.line);
            *said = (Belief){ place.file, place.line };
        }
        add_bytes(buf, source->text + from, (size_t)(stop - from));
        for (; from < stop; from++)
            said->line += source->text[from] == '\n';
    }
}

/* ---- making a source ---------------------------------------------------------------------------- */

typedef struct Maker {
    Tu *tu;
    Buf text;
    Seg *segs;
    int nsegs, room;
} Maker;

/* What is added next comes from file at offset. A segment that continues its predecessor adds nothing. */
static void begin_seg(Maker *m, File *file, int offset, bool made)
{
    int at = (int)m->text.size;
    if (m->nsegs > 0) {
        Seg *last = &m->segs[m->nsegs - 1];
        if (last->at == at) { /* It was left empty. */
            *last = (Seg){ at, file, offset, made };
            return;
        }
        if (last->file == file && last->made == made &&
            (made ? last->offset == offset : last->offset + (at - last->at) == offset))
            return;
    }
    *push(m->tu->arena, m->segs, m->nsegs, m->room) = (Seg){ at, file, offset, made };
}

static void add_from(Maker *m, File *file, int from, int to)
{
    if (from >= to)
        return;
    begin_seg(m, file, from, false);
    add_bytes(&m->text, file->text + from, (size_t)(to - from));
}

static void add_made(Maker *m, File *file, int offset, const char *text)
{
    if (!*text)
        return;
    begin_seg(m, file, offset, true);
    add(&m->text, text);
}

static Source *finish(Maker *m, File *file)
{
    Source *source = take(m->tu->arena, sizeof *source);
    if (m->nsegs == 0)
        begin_seg(m, file, 0, false);
    add(&m->text, "");
    source->text = m->text.text;
    source->size = (int)m->text.size;
    source->segs = m->segs;
    source->nsegs = m->nsegs;
    source->parse =
        replace_keywords(m->tu->arena, source->text, source->size, &source->words, &source->parse_size);
    return source;
}

Source *change_source(Tu *tu, const Source *old, const Change *changes, int nchanges)
{
    Maker m = { .tu = tu, .text = { .arena = tu->arena } };
    int seg = 0, at = 0;
    for (int i = 0; i <= nchanges; i++) {
        int to = i < nchanges ? changes[i].from : old->size;
        while (at < to) {
            while (seg + 1 < old->nsegs && old->segs[seg + 1].at <= at)
                seg++;
            const Seg *s = &old->segs[seg];
            int stop = seg + 1 < old->nsegs && old->segs[seg + 1].at < to ? old->segs[seg + 1].at : to;
            begin_seg(&m, s->file, s->made ? s->offset : s->offset + (at - s->at), s->made);
            add_bytes(&m.text, old->text + at, (size_t)(stop - at));
            at = stop;
        }
        if (i < nchanges) {
            Place place = place_of(old, changes[i].from);
            add_made(&m, place.file, place.offset, changes[i].text);
            at = changes[i].to;
        }
    }
    return finish(&m, tu->main_file);
}

/* ---- pasting ------------------------------------------------------------------------------------- */

/* What is known of a file that was pasted. Two paths may lead to one file. */
typedef struct Pasted {
    File *file;
    dev_t device;
    ino_t inode;
    int id; /* makes the guard's name */
    bool on_stack;
    bool checked;
    bool once;  /* it says #pragma once               */
    bool guard; /* which has to be a guard of ours    */
    int times;
} Pasted;

typedef struct Paster {
    Maker m;
    Pasted **files;
    int nfiles, room;
    int depth;
    const char *main_directory;
    bool ok;
} Paster;

bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* Where cc would find `name` when it is included by a file of `directory`; null if nowhere. */
static const char *find_header(Tu *tu, const char *name, bool quoted, const char *directory)
{
    const Options *o = tu->options;
    if (name[0] == '/')
        return is_file(name) ? name : NULL;
    const char *path;
    if (quoted && is_file(path = join_path(tu->arena, directory, name)))
        return path;
    for (int i = 0; quoted && i < o->nquote_dirs; i++)
        if (is_file(path = join_path(tu->arena, o->quote_dirs[i], name)))
            return path;
    for (int i = 0; i < o->ninclude_dirs; i++)
        if (is_file(path = join_path(tu->arena, o->include_dirs[i], name)))
            return path;
    return NULL;
}

/* `path` as what follows `directory`, or null if it isn't below it. */
static const char *below(const char *directory, const char *path)
{
    size_t n = strlen(directory);
    if (n == 0)
        return path[0] == '/' ? NULL : path;
    if (strncmp(path, directory, n) != 0)
        return NULL;
    if (directory[n - 1] != '/' && path[n++] != '/')
        return NULL;
    while (path[n] == '/')
        n++;
    return path + n;
}

/* How the main file has to spell the #include of `own`, which stands beside an .ah that says `name`. */
static const char *spell_from_main(Paster *p, const char *name, const char *own)
{
    Tu *tu = p->m.tu;
    const Options *o = tu->options;
    const char *found = find_header(tu, name, true, p->main_directory);
    if (found && is_same_file(found, own))
        return name;
    for (int i = -1; i < o->nquote_dirs + o->ninclude_dirs; i++) {
        const char *directory = i < 0                  ? p->main_directory
                                : i < o->nquote_dirs ? o->quote_dirs[i]
                                                     : o->include_dirs[i - o->nquote_dirs];
        const char *rest = below(directory, own);
        found = rest ? find_header(tu, rest, true, p->main_directory) : NULL;
        if (found && is_same_file(found, own))
            return rest;
    }
    char absolute[PATH_MAX];
    return realpath(own, absolute) ? take_text(tu->arena, absolute, strlen(absolute)) : name;
}

static void refuse(Paster *p, File *file, int offset, const char *message)
{
    report_at(p->m.tu, ERROR, place_in(file, offset), 0, NULL, message);
    p->ok = false;
}

/* Keywords and offsets only mean something in text, and what ends a pasted file early would run on into
 * its includer: an open comment, an open #if. */
static bool check_text(Paster *p, File *file, bool is_pasted)
{
    const char *nul = memchr(file->text, '\0', (size_t)file->size);
    if (nul) {
        refuse(p, file, (int)(nul - file->text), "the file is not text: it holds a NUL byte");
        return false;
    }
    const char *reserved = memchr(file->text, '\001', (size_t)file->size);
    if (reserved) {
        refuse(p, file, (int)(reserved - file->text), "the byte 1 may not stand in a source file: write \\001");
        return false;
    }
    if (!is_pasted)
        return true;
    int last = 0, nopen = 0, room = 0, *open = NULL;
    for (Token t = next_token(file->text, 0, file->size); t.kind != T_END;
         t = next_token(file->text, t.to, file->size)) {
        last = t.to;
        if (t.kind != T_DIRECTIVE)
            continue;
        Token name = next_token(file->text, t.from + (file->text[t.from] == '%' ? 2 : 1), t.to);
        if (token_is(file->text, name, "if") || token_is(file->text, name, "ifdef") ||
            token_is(file->text, name, "ifndef"))
            *push(p->m.tu->arena, open, nopen, room) = t.from;
        else if (token_is(file->text, name, "endif") && nopen-- == 0) {
            refuse(p, file, t.from, "#endif without #if");
            return false;
        }
    }
    if (nopen > 0) {
        refuse(p, file, open[nopen - 1], "unterminated conditional directive");
        return false;
    }
    /* Only blanks and comments follow: with a byte added that is none of them, an open comment shows. Of
     * the newlines one may be joined to a line comment. */
    size_t rest = (size_t)(file->size - last);
    char *tail = take(p->m.tu->arena, rest + 4);
    memcpy(tail, file->text + last, rest);
    memcpy(tail + rest, "\n\nx", 3);
    if (skip_blank(tail, 0, (int)rest + 3) == (int)rest + 3) {
        int at = last, next;
        while ((next = skip_blank(file->text, at, at + 1)) > at)
            at = next;
        refuse(p, file, at < file->size ? at : last, "unterminated /* comment");
        return false;
    }
    return true;
}

static void paste(Paster *p, File *file, Pasted *self);

static Pasted *find_pasted(Paster *p, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return NULL;
    for (int i = 0; i < p->nfiles; i++)
        if (p->files[i]->device == st.st_dev && p->files[i]->inode == st.st_ino)
            return p->files[i];
    Tu *tu = p->m.tu;
    File *file = open_file(tu, path);
    if (!file)
        return NULL;
    Pasted *pasted = take(tu->arena, sizeof *pasted);
    *pasted = (Pasted){ .file = file, .device = st.st_dev, .inode = st.st_ino, .id = p->nfiles };
    *push(tu->arena, p->files, p->nfiles, p->room) = pasted;
    *push(tu->arena, tu->ah_files, tu->nah_files, tu->ah_files_room) = file;
    return pasted;
}

/* A directive of `file`: true if it was dealt with, and the text goes on at *next. */
static bool paste_directive(Paster *p, File *file, Pasted *self, Token directive, int *next)
{
    Tu *tu = p->m.tu;
    const char *text = file->text;
    Token word = next_token(text, directive.from + (text[directive.from] == '%' ? 2 : 1), directive.to);
    if (self && token_is(text, word, "pragma")) {
        Token once = next_token(text, word.to, directive.to);
        if (!token_is(text, once, "once"))
            return false;
        self->once = true;
        if (self->guard)
            add_made(&p->m, file, directive.from,
                     take_format(tu->arena, "#ifndef ac__once_%d\n#define ac__once_%d\n",
                                 self->id, self->id));
        *next = directive.to;
        return true;
    }
    bool embed = token_is(text, word, "embed");
    if (!embed && !token_is(text, word, "include"))
        return false;
    int at = skip_blank(text, word.to, directive.to);
    if (at >= directive.to || (text[at] != '"' && text[at] != '<'))
        return false;
    bool quoted = text[at] == '"';
    const char *close = memchr(text + at + 1, quoted ? '"' : '>', (size_t)(directive.to - at - 1));
    if (!close || close == text + at + 1)
        return false;
    const char *name = take_text(tu->arena, text + at + 1, (size_t)(close - (text + at + 1)));
    const char *directory = self ? directory_of(tu->arena, file->path) : p->main_directory;
    size_t length = strlen(name);

    if (embed || length < 4 || strcmp(name + length - 3, ".ah") != 0) {
        const char *own;
        if (!self || !quoted || name[0] == '/' || !is_file(own = join_path(tu->arena, directory, name)))
            return false;
        const char *spelling = spell_from_main(p, name, own);
        if (strcmp(spelling, name) == 0)
            return false;
        add_from(&p->m, file, directive.from, at + 1);
        add_made(&p->m, file, at + 1, spelling);
        *next = (int)(close - text);
        return true;
    }

    const char *path = find_header(tu, name, quoted, directory);
    Pasted *pasted = path ? find_pasted(p, path) : NULL;
    if (!pasted)
        return false; /* clang says that there is none. */
    if (p->depth >= DEEPEST_PASTE || p->m.text.size > BIGGEST_TEXT / 4) {
        refuse(p, file, directive.from, "#include nested too deeply");
        return false;
    }
    /* What stands before the directive in its line, a comment at most, gets a line of its own. */
    if (p->m.text.size > 0 && p->m.text.text[p->m.text.size - 1] != '\n')
        add_made(&p->m, file, directive.from, "\n");
    pasted->times++;
    if (!pasted->on_stack) {
        if (!pasted->checked) {
            pasted->checked = true;
            if (!check_text(p, pasted->file, true))
                return false;
        }
        paste(p, pasted->file, pasted);
    }
    *next = directive.to;
    if (*next < file->size && text[*next] == '\r')
        ++*next;
    if (*next < file->size && text[*next] == '\n')
        ++*next;
    return true;
}

/* Where the blanks before a directive begin, if nothing else stands before it in its line. */
static int line_start(const char *text, int from, int at)
{
    int i = at;
    while (i > from && (text[i - 1] == ' ' || text[i - 1] == '\t'))
        i--;
    return i == from || text[i - 1] == '\n' ? i : at;
}

/* All of file, with what it includes. self is null for the main file. */
static void paste(Paster *p, File *file, Pasted *self)
{
    int at = 0;
    if (self)
        self->on_stack = true;
    p->depth++;
    for (Token t = next_directive(file->text, at, file->size); t.kind != T_END && p->ok;
         t = next_directive(file->text, t.to, file->size)) {
        /* What precedes is added first, as the directive's own text may go behind it. */
        add_from(&p->m, file, at, line_start(file->text, at, t.from));
        at = line_start(file->text, at, t.from);
        int next;
        if (paste_directive(p, file, self, t, &next))
            at = next;
    }
    add_from(&p->m, file, at, file->size);
    if (self) {
        const char *text = p->m.text.text;
        size_t size = p->m.text.size;
        bool ends = size == 0 || text[size - 1] == '\n';
        if (!ends)
            add_made(&p->m, file, file->size, "\n");
        if (size > 1 && text[size - 1 - ends] == '\\')
            add_made(&p->m, file, file->size, "\n"); /* or it would join the includer's next line */
        if (self->guard)
            add_made(&p->m, file, file->size, "#endif\n");
        self->on_stack = false;
    }
    p->depth--;
}

bool read_source(Tu *tu)
{
    const char *input = tu->options->input;
    /* Standard input can be read only once. */
    File *file = tu->main_file ? tu->main_file : load(tu, input);
    tu->nah_files = 0;
    if (!file) {
        const char *message = take_format(tu->arena, errno == EFBIG ? "'%s' is too big" : "cannot read '%s': %s",
                                          input, strerror(errno));
        report_at(tu, ERROR, (Place){ 0 }, 0, NULL, message);
        return false;
    }
    tu->main_file = file;
    Paster p = { .m = { .tu = tu, .text = { .arena = tu->arena } }, .ok = true };
    p.main_directory = directory_of(tu->arena, file->path);
    if (!check_text(&p, file, false))
        return false;

    struct stat st;
    Pasted *main = NULL;
    bool again;
    do {
        /* The main file may be reached through an .ah: it is being read, so that pastes nothing. */
        if (!main && stat(input, &st) == 0) {
            main = take(tu->arena, sizeof *main);
            *main = (Pasted){ .file = file, .device = st.st_dev, .inode = st.st_ino, .on_stack = true };
            *push(tu->arena, p.files, p.nfiles, p.room) = main;
        }
        p.m = (Maker){ .tu = tu, .text = { .arena = tu->arena } };
        paste(&p, file, NULL);
        again = false;
        for (int i = 0; i < p.nfiles; i++) {
            Pasted *f = p.files[i];
            if (f->once && f->times > 1 && !f->guard)
                f->guard = again = true;
            f->times = 0;
        }
    } while (again && p.ok);
    if (!p.ok)
        return false;
    tu->source = finish(&p.m, file);
    return true;
}
