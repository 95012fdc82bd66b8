/* diag.c - what the user is told, as clang says it, or as JSON.
 *
 *     read.ac:9:5: error: the future of 'fetch' is never awaited
 *         9 |     fetch(url);
 *           |     ^~~~~~~~~~
 *           |     await
 *     read.ac:2:11: note: 'fetch' is declared here
 *
 * Passes report in the order in which they find things; what is printed is in the order of the source, and
 * nothing is said twice (a macro's argument that is used twice, a parse that is done again). The JSON is an
 * array in the schema of gcc's -fdiagnostics-format=json. */
#include "asyncc.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A stretch of one line of one file. */
typedef struct Range {
    Place place;
    int length;
} Range;

typedef struct Fixit {
    Place place;
    int length;
    const char *text;
} Fixit;

typedef struct Diag {
    enum severity severity;
    Place place; /* file null: none; line 0: the file as a whole */
    const char *option, *message;
    Range *ranges;
    int nranges, ranges_room;
    Fixit *fixits;
    int nfixits, fixits_room;
    struct Diag **notes;
    int nnotes, notes_room;
    int rank; /* place in the source; equal ones stay as they came */
    int number;
} Diag;

struct Diags {
    Diag **all;
    int count, room;
    Diag *last;      /* the last report */
    Diag *last_item; /* it, or its last note */
};

/* ---- collecting ---------------------------------------------------------------------------------- */

static struct Diags *diags_of(Tu *tu)
{
    if (!tu->diags)
        tu->diags = take(tu->arena, sizeof *tu->diags);
    return tu->diags;
}

static Diag *new_diag(Tu *tu, enum severity severity, Place place, const char *message)
{
    Diag *d = take(tu->arena, sizeof *d);
    d->severity = severity;
    d->place = place;
    d->message = message;
    return d;
}

static void add_range(Tu *tu, Diag *d, Place place, int length)
{
    if (length > 0 && place.file)
        *push(tu->arena, d->ranges, d->nranges, d->ranges_room) = (Range){ place, length };
}

/* Length in the file of [from, to) of the source; to the end of the line when it ends in another file. */
static int length_in_file(const Tu *tu, Place place, int from, int to)
{
    if (to <= from)
        return 0;
    Place last = place_of(tu->source, to - 1);
    if (last.file == place.file && last.offset >= place.offset)
        return last.offset - place.offset + 1;
    int end = place.line < place.file->nlines ? place.file->line_at[place.line] - 1 : place.file->size;
    return end > place.offset ? end - place.offset : 1;
}

static Place place_in_source(const Tu *tu, int from)
{
    return tu->source && from >= 0 ? place_of(tu->source, from) : (Place){ 0 };
}

static const char *format_message(Tu *tu, const char *format, va_list args)
{
    Buf buf = { .arena = tu->arena };
    add_va(&buf, format, args);
    return buf.text;
}

void report_at(Tu *tu, enum severity severity, Place place, int length, const char *option,
               const char *message)
{
    struct Diags *diags = diags_of(tu);
    Diag *d = new_diag(tu, severity, place, take_text(tu->arena, message, strlen(message)));
    if (option && *option)
        d->option = take_text(tu->arena, option, strlen(option));
    add_range(tu, d, place, length);
    d->number = diags->count;
    *push(tu->arena, diags->all, diags->count, diags->room) = d;
    diags->last = diags->last_item = d;
}

void report(Tu *tu, enum severity severity, int from, int to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *message = format_message(tu, format, args);
    va_end(args);
    if (severity == WARNING && tu->options && tu->options->no_warnings) {
        diags_of(tu)->last = diags_of(tu)->last_item = NULL; /* Its notes go with it. */
        return;
    }
    bool stern = severity == WARNING && tu->options && tu->options->warnings_are_errors;
    Place place = place_in_source(tu, from);
    int length = place.file ? length_in_file(tu, place, from, to) : 0;
    report_at(tu, stern ? ERROR : severity, place, length, stern ? "-Werror" : NULL, message);
}

void note_at(Tu *tu, Place place, int length, const char *message)
{
    struct Diags *diags = diags_of(tu);
    if (!diags->last)
        return;
    Diag *d = new_diag(tu, NOTE, place, take_text(tu->arena, message, strlen(message)));
    add_range(tu, d, place, length);
    *push(tu->arena, diags->last->notes, diags->last->nnotes, diags->last->notes_room) = d;
    diags->last_item = d;
}

void note(Tu *tu, int from, int to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *message = format_message(tu, format, args);
    va_end(args);
    Place place = place_in_source(tu, from);
    note_at(tu, place, place.file ? length_in_file(tu, place, from, to) : 0, message);
}

void range_at(Tu *tu, Place place, int length)
{
    if (diags_of(tu)->last_item)
        add_range(tu, tu->diags->last_item, place, length);
}

static void add_fixit(Tu *tu, Diag *d, Place place, int length, const char *text)
{
    if (d && place.file)
        *push(tu->arena, d->fixits, d->nfixits, d->fixits_room) =
            (Fixit){ place, length, take_text(tu->arena, text, strlen(text)) };
}

void fixit(Tu *tu, int from, int to, const char *text)
{
    Place place = place_in_source(tu, from);
    if (place.file)
        add_fixit(tu, diags_of(tu)->last, place, length_in_file(tu, place, from, to), text);
}

void fixit_at(Tu *tu, Place place, int length, const char *text)
{
    add_fixit(tu, diags_of(tu)->last_item, place, length, text);
}

int count_errors(const Tu *tu)
{
    int n = 0;
    for (int i = 0; tu->diags && i < tu->diags->count; i++)
        n += tu->diags->all[i]->severity == ERROR;
    return n;
}

void forget_diagnostics(Tu *tu)
{
    struct Diags *diags = diags_of(tu);
    diags->count = 0;
    diags->last = diags->last_item = NULL;
}

/* ---- order ------------------------------------------------------------------------------------- */

/* Where the place stands in the source: what is nowhere, or in a plain header, comes first. */
static int rank_of(const Tu *tu, Place place)
{
    if (!place.file || !tu->source)
        return -1;
    const Source *s = tu->source;
    for (int i = 0; i < s->nsegs; i++) {
        int end = i + 1 < s->nsegs ? s->segs[i + 1].at : s->size + 1;
        int length = s->segs[i].made ? 1 : end - s->segs[i].at;
        if (s->segs[i].file == place.file && place.offset >= s->segs[i].offset &&
            place.offset - s->segs[i].offset < length)
            return s->segs[i].at + (place.offset - s->segs[i].offset);
    }
    /* Its text was replaced (a macro call that was expanded): what precedes it in the file. */
    int best = -1;
    for (int i = 0; i < s->nsegs; i++)
        if (s->segs[i].file == place.file && s->segs[i].offset <= place.offset && s->segs[i].at > best)
            best = s->segs[i].at;
    return best;
}

static int by_rank(const void *a, const void *b)
{
    const Diag *x = *(Diag *const *)a, *y = *(Diag *const *)b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->number - y->number;
}

static bool same_diag(const Diag *a, const Diag *b)
{
    return a->severity == b->severity && a->place.file == b->place.file && a->place.line == b->place.line &&
           a->place.column == b->place.column && strcmp(a->message, b->message) == 0;
}

/* Those to print, in order; each once. Where many stand in one place, they stand side by side. */
static int put_in_order(Tu *tu, Diag ***sorted)
{
    struct Diags *diags = diags_of(tu);
    Diag **v = take(tu->arena, ((size_t)diags->count + 1) * sizeof *v);
    int n = 0;
    for (int i = 0; i < diags->count; i++) {
        v[i] = diags->all[i];
        v[i]->rank = rank_of(tu, v[i]->place);
        v[i]->number = i;
    }
    qsort(v, (size_t)diags->count, sizeof *v, by_rank);
    for (int i = 0; i < diags->count; i++) {
        bool seen = false;
        for (int k = n - 1; k >= 0 && v[k]->rank == v[i]->rank && !seen; k--)
            seen = same_diag(v[k], v[i]);
        if (!seen)
            v[n++] = v[i];
    }
    *sorted = v;
    return n;
}

/* ---- the text of a line, as columns of a screen ---------------------------------------------------- */

/* One character at p: its length in bytes. *code is -1 for a byte that isn't UTF-8. */
static int decode(const unsigned char *p, const unsigned char *end, int *code)
{
    static const int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    int length = *p < 0x80                ? 1
                 : *p >= 0xC2 && *p < 0xE0 ? 2
                 : *p >= 0xE0 && *p < 0xF0 ? 3
                 : *p >= 0xF0 && *p < 0xF5 ? 4
                                           : 0;
    *code = -1;
    if (length == 0 || end - p < length)
        return 1;
    int c = length == 1 ? *p : *p & (0xFF >> (length + 1));
    for (int i = 1; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 1;
        c = c << 6 | (p[i] & 0x3F);
    }
    if (c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return 1;
    *code = c;
    return length;
}

/* Ranges of characters that take two columns, or none. After Unicode 15's East Asian Width and Mn, by
 * block: an emoji or a rare accent may be off by one, and only the caret suffers. */
static int width_of(int c)
{
    static const struct {
        int from, to, width;
    } table[] = {
        { 0x0300, 0x036F, 0 },   { 0x0483, 0x0489, 0 },   { 0x0591, 0x05BD, 0 },   { 0x064B, 0x065F, 0 },
        { 0x1100, 0x115F, 2 },   { 0x1AB0, 0x1AFF, 0 },   { 0x1DC0, 0x1DFF, 0 },   { 0x200B, 0x200F, 0 },
        { 0x20D0, 0x20FF, 0 },   { 0x231A, 0x231B, 2 },   { 0x2E80, 0x303E, 2 },   { 0x3041, 0xA4CF, 2 },
        { 0xA960, 0xA97F, 2 },   { 0xAC00, 0xD7A3, 2 },   { 0xF900, 0xFAFF, 2 },   { 0xFE00, 0xFE0F, 0 },
        { 0xFE20, 0xFE2F, 0 },   { 0xFE30, 0xFE6F, 2 },   { 0xFF00, 0xFF60, 2 },   { 0xFFE0, 0xFFE6, 2 },
        { 0x1F300, 0x1F64F, 2 }, { 0x1F680, 0x1F6FF, 2 }, { 0x1F900, 0x1F9FF, 2 }, { 0x20000, 0x3FFFD, 2 },
        { 0xE0100, 0xE01EF, 0 },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table && c >= table[i].from; i++)
        if (c <= table[i].to)
            return table[i].width;
    return 1;
}

/* Control characters, and those that would hide text or turn its direction. */
static bool is_hidden(int code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x200B || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

/* A source line as it is shown: tabs become blanks, what can't be shown becomes <U+0007> or <FF>. */
typedef struct Shown {
    Buf text;
    int *column; /* of each byte of the line, and of its end: from 0 */
    int *at;     /* in text, of the same */
    int length;  /* bytes of the line */
} Shown;

static Shown show_line(Arena *arena, const char *line, int length)
{
    enum { TAB = 8 };
    Shown s = { .text = { .arena = arena }, .length = length };
    s.column = take(arena, ((size_t)length + 1) * sizeof *s.column);
    s.at = take(arena, ((size_t)length + 1) * sizeof *s.at);
    add(&s.text, "");
    int column = 0;
    for (int i = 0; i < length;) {
        int code, n = decode((const unsigned char *)line + i, (const unsigned char *)line + length, &code);
        for (int k = 0; k < n; k++) {
            s.column[i + k] = column;
            s.at[i + k] = (int)s.text.size;
        }
        size_t before = s.text.size;
        if (code == '\t') {
            add_format(&s.text, "%*s", TAB - column % TAB, "");
            column += TAB - column % TAB;
        } else if (code < 0) {
            add_format(&s.text, "<%02X>", (unsigned char)line[i]);
            column += (int)(s.text.size - before);
        } else if (is_hidden(code)) {
            add_format(&s.text, "<U+%04X>", (unsigned)code);
            column += (int)(s.text.size - before);
        } else {
            add_bytes(&s.text, line + i, (size_t)n);
            column += width_of(code);
        }
        i += n;
    }
    s.column[length] = column;
    s.at[length] = (int)s.text.size;
    return s;
}

/* ---- as text -------------------------------------------------------------------------------------- */

typedef struct Printer {
    Tu *tu;
    Buf out;
    Arena *line; /* for one line that is shown, which may be long, and shown again for each diagnostic in it */
    bool colour;
    int columns; /* of the terminal, 0: any line up to LONG_LINE is shown whole */
} Printer;

enum { LONG_LINE = 400, WINDOW = 160 };

static void paint(Printer *p, const char *code)
{
    if (p->colour)
        add_format(&p->out, "\033[%sm", code);
}

static const char *kind_name(enum severity severity)
{
    return severity == ERROR ? "error" : severity == WARNING ? "warning" : "note";
}

/* [from, to) of a line of blanks with marks is set to mark. */
static void underline(char *marks, int from, int to, char mark)
{
    for (int i = from; i < to; i++)
        marks[i] = mark;
}

/* One line under the source line, without the blanks at its end. */
static void add_marks(Printer *p, const char *colour, const char *marks, int from, int to)
{
    while (to > from && marks[to - 1] == ' ')
        to--;
    add(&p->out, "      | ");
    paint(p, colour);
    add_bytes(&p->out, marks + from, (size_t)(to - from));
    paint(p, "0");
    add(&p->out, "\n");
}

/* The line of the diagnostic's caret, and what is marked in it. */
static void add_snippet(Printer *p, const Diag *d)
{
    const File *file = d->place.file;
    int number = d->place.line;
    if (number < 1 || number > file->nlines)
        return;
    int start = file->line_at[number - 1];
    int end = number < file->nlines ? file->line_at[number] - 1 : file->size;
    while (end > start && (file->text[end - 1] == '\r' || file->text[end - 1] == '\n'))
        end--;
    int length = end - start;
    Arena *arena = p->line;
    Shown shown = show_line(arena, file->text + start, length);

    int caret = d->place.column - 1 < length ? d->place.column - 1 : length;
    if (caret < 0)
        caret = 0;
    int width = shown.column[length] + 1;
    int caret_column = shown.column[caret];
    char *marks = take(arena, (size_t)width + 1);
    memset(marks, ' ', (size_t)width);
    for (int i = 0; i < d->nranges; i++) {
        const Range *r = &d->ranges[i];
        /* A range that starts in an earlier line or ends in a later one is cut to this one. */
        int from = r->place.offset - start, to = from + r->length;
        if (r->place.file != file || from > length || to <= 0)
            continue;
        from = from < 0 ? 0 : from;
        to = to > length ? length : to;
        while (from < to && strchr(" \t\v\f", file->text[start + from]))
            from++;
        while (to > from && strchr(" \t\v\f", file->text[start + to - 1]))
            to--;
        underline(marks, shown.column[from], shown.column[to], '~');
    }
    marks[caret_column] = '^';

    /* Fix-its: the new text stands under the place where it goes; what is only deleted is not shown. */
    char *fixes = NULL;
    int fixes_width = 0;
    for (int i = 0; i < d->nfixits; i++) {
        const Fixit *f = &d->fixits[i];
        int at = f->place.offset - start;
        int size = (int)strlen(f->text);
        if (f->place.file != file || at < 0 || at > length || size == 0 || strchr(f->text, '\n'))
            continue;
        Shown text = show_line(arena, f->text, size);
        int column = shown.column[at] > fixes_width ? shown.column[at] : fixes_width + (fixes_width > 0);
        char *wider = take(arena, (size_t)column + text.text.size + 1);
        memset(wider, ' ', (size_t)column);
        if (fixes)
            memcpy(wider, fixes, strlen(fixes));
        memcpy(wider + column, text.text.text, text.text.size + 1);
        fixes = wider;
        fixes_width = column + (int)text.text.size;
    }

    /* A line too long for the screen is shown around its caret. */
    int room = p->columns > 40 ? p->columns - 9 : shown.column[length] > LONG_LINE ? WINDOW : INT_MAX;
    int from = 0, to = length; /* bytes */
    if (shown.column[length] > room) {
        int first = caret_column - room / 2 < 0 ? 0 : caret_column - room / 2;
        if (first + room > shown.column[length])
            first = shown.column[length] - room;
        while (from < length && shown.column[from] < first + (first > 0 ? 3 : 0))
            from++;
        while (to > from && first + room < shown.column[length] && shown.column[to] > first + room - 3)
            to--;
        /* Not inside a character of several bytes. */
        while (to < length && to > from && shown.at[to] == shown.at[to - 1])
            to--;
    }
    const char *before = from > 0 ? "..." : "", *after = to < length ? "..." : "";
    add_format(&p->out, "%5d | %s%.*s%s\n", number, before, shown.at[to] - shown.at[from],
               shown.text.text + shown.at[from], after);
    int skipped = shown.column[from] - (int)strlen(before); /* columns that the window leaves out */
    int last = to < length ? shown.column[to] : width;
    if (skipped > 0)
        memset(marks + skipped, ' ', (size_t)(shown.column[from] - skipped));
    add_marks(p, "0;1;32", marks, skipped > 0 ? skipped : 0, last);
    if (fixes && fixes_width >= skipped)
        add_marks(p, "0;32", fixes, skipped > 0 ? skipped : 0, (int)strlen(fixes));
}

static void add_text(Printer *p, const Diag *d)
{
    static const char *const colours[] = { "0;1;36", "0;1;35", "0;1;31" };
    paint(p, "1");
    if (!d->place.file)
        add(&p->out, d->severity == NOTE ? "" : "asyncc: ");
    else if (d->place.line == 0)
        add_format(&p->out, "%s: ", d->place.file->path);
    else
        add_format(&p->out, "%s:%d:%d: ", d->place.file->path, d->place.line, d->place.column);
    paint(p, "0");
    paint(p, colours[d->severity]);
    add_format(&p->out, "%s: ", kind_name(d->severity));
    paint(p, "0");
    if (d->severity != NOTE)
        paint(p, "1");
    add(&p->out, d->message);
    if (d->option && d->severity == ERROR && strcmp(d->option, "-Werror") != 0 &&
        p->tu->options && p->tu->options->warnings_are_errors)
        add_format(&p->out, " [-Werror,%s]", d->option);
    else if (d->option)
        add_format(&p->out, " [%s]", d->option);
    paint(p, "0");
    add(&p->out, "\n");
    if (d->place.file && d->place.line > 0)
        add_snippet(p, d);
    empty_arena(p->line);
    for (int i = 0; i < d->nnotes; i++)
        add_text(p, d->notes[i]);
}

/* ---- as JSON --------------------------------------------------------------------------------------- */

/* What is no UTF-8 becomes U+FFFD: a reader would refuse the whole array otherwise. */
static void add_string(Buf *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + strlen(text);
    add(out, "\"");
    while (p < end) {
        int code, n = decode(p, end, &code);
        if (code == '"' || code == '\\')
            add_format(out, "\\%c", code);
        else if (code == '\n')
            add(out, "\\n");
        else if (code >= 0 && code < 0x20)
            add_format(out, "\\u%04x", (unsigned)code);
        else if (code < 0)
            add(out, "\\ufffd");
        else
            add_bytes(out, (const char *)p, (size_t)n);
        p += n;
    }
    add(out, "\"");
}

static Place place_after(Place place, int length)
{
    const File *file = place.file;
    place.offset += length;
    place.column += length;
    while (place.line < file->nlines && place.offset >= file->line_at[place.line]) {
        place.column = place.offset - file->line_at[place.line] + 1;
        place.line++;
    }
    return place;
}

static void add_json_place(Printer *p, const char *name, Place place)
{
    Buf *out = &p->out;
    int display = place.column;
    if (place.line >= 1 && place.line <= place.file->nlines) {
        int start = place.file->line_at[place.line - 1], length = place.column - 1;
        if (length > place.file->size - start)
            length = place.file->size - start;
        display = show_line(p->line, place.file->text + start, length).column[length] + 1;
        empty_arena(p->line);
    }
    add_format(out, "\"%s\": {\"file\": ", name);
    add_string(out, place.file->path);
    add_format(out, ", \"line\": %d, \"column\": %d, \"byte-column\": %d, \"display-column\": %d}", place.line,
               place.column, place.column, display);
}

static void add_json(Printer *p, const Diag *d)
{
    Buf *out = &p->out;
    add_format(out, "{\"kind\": \"%s\", \"message\": ", kind_name(d->severity));
    add_string(out, d->message);
    if (d->option) {
        add(out, ", \"option\": ");
        add_string(out, d->option);
    }
    add(out, ", \"locations\": [");
    if (d->place.file) {
        add(out, "{");
        add_json_place(p, "caret", d->place);
        /* finish is the last byte itself, as gcc has it. */
        if (d->nranges > 0 && d->ranges[0].place.file == d->place.file) {
            add(out, ", ");
            add_json_place(p, "start", d->ranges[0].place);
            add(out, ", ");
            add_json_place(p, "finish", place_after(d->ranges[0].place, d->ranges[0].length - 1));
        }
        add(out, "}");
    }
    for (int i = 1; i < d->nranges; i++) {
        add(out, d->place.file || i > 1 ? ", {" : "{");
        add_json_place(p, "caret", d->ranges[i].place);
        add(out, ", ");
        add_json_place(p, "start", d->ranges[i].place);
        add(out, ", ");
        add_json_place(p, "finish", place_after(d->ranges[i].place, d->ranges[i].length - 1));
        add(out, "}");
    }
    add(out, "], \"fixits\": [");
    for (int i = 0; i < d->nfixits; i++) {
        add(out, i > 0 ? ", {" : "{");
        add_json_place(p, "start", d->fixits[i].place);
        add(out, ", ");
        add_json_place(p, "next", place_after(d->fixits[i].place, d->fixits[i].length));
        add(out, ", \"string\": ");
        add_string(out, d->fixits[i].text);
        add(out, "}");
    }
    add(out, "], \"children\": [");
    for (int i = 0; i < d->nnotes; i++) {
        add(out, i > 0 ? ", " : "");
        add_json(p, d->notes[i]);
    }
    add(out, "], \"column-origin\": 1}");
}

/* ---- printing ------------------------------------------------------------------------------------- */

static void set_up(Printer *p, FILE *file)
{
    int fd = fileno(file);
    bool terminal = fd >= 0 && isatty(fd);
    const char *kind = getenv("TERM");
    bool dumb = !kind || strcmp(kind, "dumb") == 0;
    const Options *o = p->tu->options;
    p->colour = o && o->colour != COLOUR_AUTO ? o->colour == COLOUR_ALWAYS : terminal && !dumb;
    struct winsize size;
    if (terminal && ioctl(fd, TIOCGWINSZ, &size) == 0)
        p->columns = size.ws_col;
}

static void add_count(Buf *out, int n, const char *what)
{
    if (n > 0)
        add_format(out, "%s%d %s%s", out->size > 0 ? " and " : "", n, what, n == 1 ? "" : "s");
}

void print_diagnostics(Tu *tu, FILE *file)
{
    Printer p = { .tu = tu, .out = { .arena = tu->arena }, .line = new_arena() };
    Diag **v;
    int n = put_in_order(tu, &v);
    if (tu->options && tu->options->json_diagnostics) {
        add(&p.out, "[");
        for (int i = 0; i < n; i++) {
            add(&p.out, i > 0 ? ",\n " : "");
            add_json(&p, v[i]);
        }
        add(&p.out, "]\n");
    } else if (n > 0) {
        set_up(&p, file);
        int warnings = 0, errors = 0;
        for (int i = 0; i < n; i++) {
            add_text(&p, v[i]);
            warnings += v[i]->severity == WARNING;
            errors += v[i]->severity == ERROR;
        }
        Buf count = { .arena = tu->arena };
        add_count(&count, warnings, "warning");
        add_count(&count, errors, "error");
        if (count.size > 0)
            add_format(&p.out, "%s generated.\n", count.text);
    }
    free_arena(p.line);
    if (p.out.size > 0)
        fwrite(p.out.text, 1, p.out.size, file);
    fflush(file);
}
