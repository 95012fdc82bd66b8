/* emit_elided.c - the sequential program that an async one means.
 *
 *     async int twice(int n)  { return 2 * await get(n); }
 *     int twice(int n)  { return 2 * get(n); }
 *
 * Both words go, with one blank behind them, and nothing else changes: .ah files are pasted in, macro calls
 * stand as they are. What the text then calls are the runtime's blocking twins. */
#include "asyncc.h"

#include <string.h>

/* Whether a and b would be read as one token if they came together: `a -await -b`. */
static bool would_join(char a, char b)
{
    return strchr("+-&|<>=*/%#.:", a) && a == b;
}

void emit_elided(Tu *tu)
{
    tu->out.arena = tu->arena;
    /* As the user wrote it: no macro expanded, nothing inserted for the parse. */
    if (!read_source(tu))
        return;
    const Source *source = tu->source;
    Change *changes = NULL;
    int n = 0, room = 0;
    for (int i = 0; i < source->words.n; i++) {
        int at = source->words.v[i].at, to = at + source->words.v[i].size;
        if (source->text[at] == 'd')
            continue; /* `defer` is no word to erase. */
        int end = to < source->size && (source->text[to] == ' ' || source->text[to] == '\t') ? to + 1 : to;
        bool joins = at > 0 && end < source->size && would_join(source->text[at - 1], source->text[end]);
        *push(tu->arena, changes, n, room) = (Change){ at, end, joins ? " " : "" };
    }
    add(&tu->out, "#include <ac/elided.h>\n");
    Source *elided = change_source(tu, source, changes, n);
    if (tu->options->no_lines) {
        add_bytes(&tu->out, elided->text, (size_t)elided->size);
        return;
    }
    Belief said = { 0 };
    add_with_lines(&tu->out, elided, 0, elided->size, &said);
}
