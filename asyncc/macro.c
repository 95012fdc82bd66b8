/* macro.c - macro calls and conditionals of the text, as the last read found them: for the passes that may
 * not edit, or may not move, what stands in one. */
#include "asyncc.h"
#include <stdlib.h>
#include <string.h>

static int by_from(const void *a, const void *b)
{
    const Change *x = a, *y = b;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->to > y->to ? -1 : x->to < y->to);
}

void sort_changes(Change *changes, int n)
{
    if (n)
        qsort(changes, (size_t)n, sizeof *changes, by_from);
}

int first_change(const Change *changes, int n, int offset)
{
    int low = 0, high = n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (changes[middle].to <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const Change *find_call(const Tu *tu, int offset)
{
    int low = first_change(tu->calls, tu->ncalls, offset);
    return low < tu->ncalls && tu->calls[low].from <= offset ? &tu->calls[low] : NULL;
}

bool ask_expansion(Tu *tu, int offset)
{
    const Change *call = find_call(tu, offset);
    if (!call)
        return false;
    for (int i = tu->nhard - 1; i >= 0; i--)
        if (tu->hard[i].from == call->from)
            return true;
    *push(tu->arena, tu->hard, tu->nhard, tu->hard_room) = *call;
    return true;
}

bool is_skipped(const Tu *tu, int offset)
{
    for (int i = 0; i < tu->nskipped; i++)
        if (tu->skipped[i].from <= offset && offset < tu->skipped[i].to)
            return true;
    return false;
}

Token next_conditional(const char *text, int offset, int end)
{
    static const char *const words[] = { "if", "ifdef", "ifndef", "elif", "else", "endif", "elifdef", "elifndef" };
    for (Token token = next_directive(text, offset, end);; token = next_directive(text, token.to, end)) {
        if (token.kind == T_END)
            return token;
        Token word = next_token(text, token.from + 1, token.to);
        for (int i = word.from; i < word.to; i++) /* what is no UTF-8 ends a name for clang */
            if ((unsigned char)text[i] >= 0x80)
                word.to = i;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (token_is(text, word, words[i]))
                return token;
    }
}

bool is_undefined(const char *text, int from, int to, const char *name)
{
    for (Token line = next_directive(text, from, to); line.kind != T_END; line = next_directive(text, line.to, to)) {
        Token word = next_token(text, line.from + 1, line.to);
        if (token_is(text, word, "undef") && token_is(text, next_token(text, word.to, line.to), name))
            return true;
    }
    return false;
}

bool is_defined_in(const char *text, int from, int to, const char *name)
{
    for (Token line = next_directive(text, from, to); line.kind != T_END; line = next_directive(text, line.to, to)) {
        Token word = next_token(text, line.from + 1, line.to);
        if (!token_is(text, word, "define"))
            continue;
        Token what = next_token(text, word.to, line.to);
        if (token_is(text, what, name) && text[what.to] != '(')
            return true;
    }
    return false;
}

const Macro *find_macro(const Tu *tu, const char *name, int at)
{
    int low = 0, high = tu->nmacros;
    while (low < high) {
        int middle = (low + high) / 2;
        if (strcmp(tu->macros[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const Macro *found = NULL;
    for (; low < tu->nmacros && !strcmp(tu->macros[low].name, name) && tu->macros[low].from < at; low++)
        found = &tu->macros[low];
    return found && !is_undefined(tu->source->text, found->from < 0 ? 0 : found->from, at, name) ? found : NULL;
}
