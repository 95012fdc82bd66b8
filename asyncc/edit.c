/* edit.c - edits of the user's text. An expression that is moved is rendered first, with the edits
 * inside it, and its place is then edited over: the outermost edit at an offset wins. */
#include "lower.h"
#include <string.h>

Editor *new_editor(Arena *arena, const Source *source, int from, int to)
{
    Editor *editor = take(arena, sizeof *editor);
    editor->arena = arena;
    editor->source = source;
    editor->from = from;
    editor->to = to;
    editor->at = take(arena, (size_t)(to - from + 1) * sizeof *editor->at);
    return editor;
}

static Edit *new_edit(Editor *editor, int from, int to, const char *text)
{
    Edit *edit = take(editor->arena, sizeof *edit);
    edit->from = from;
    edit->to = to;
    edit->text = text;
    return edit;
}

/* Insertions so far at the ends of a stretch that is replaced are part of what was there. */
static void drop_insertions(Editor *editor, int at, bool after)
{
    for (Edit **edit = &editor->at[at - editor->from]; *edit;) {
        if ((*edit)->from == (*edit)->to && (*edit)->after == after)
            *edit = (*edit)->next;
        else
            edit = &(*edit)->next;
    }
}

static int count_lines(const char *text, const char *end)
{
    int lines = 0;
    while ((text = memchr(text, '\n', (size_t)(end - text)))) {
        text++;
        lines++;
    }
    return lines;
}

void replace_text(Editor *editor, int from, int to, const char *text)
{
    drop_insertions(editor, from, false);
    drop_insertions(editor, to, true);
    /* As many lines as there were, so that what follows keeps its place. */
    const char *old = editor->source->text;
    int lines = memchr(old + from, '\n', (size_t)(to - from)) ? count_lines(old + from, old + to) : 0;
    if (lines > 0)
        lines -= count_lines(text, text + strlen(text));
    if (lines > 0 && !strstr(text, MARK)) {
        Buf padded = { .arena = editor->arena };
        add(&padded, text);
        while (lines-- > 0)
            add(&padded, "\n");
        text = padded.text;
    }
    Edit *edit = new_edit(editor, from, to, text);
    Edit **list = &editor->at[from - editor->from];
    edit->next = *list;
    *list = edit;
}

void insert_before(Editor *editor, int at, const char *text)
{
    Edit *edit = new_edit(editor, at, at, text);
    Edit **list = &editor->at[at - editor->from];
    edit->next = *list;
    *list = edit;
}

void insert_after(Editor *editor, int at, const char *text)
{
    Edit *edit = new_edit(editor, at, at, text);
    edit->after = true;
    Edit **list = &editor->at[at - editor->from];
    while (*list)
        list = &(*list)->next;
    *list = edit;
}

static void add_insertions(const Editor *editor, int at, bool after, Buf *out)
{
    for (const Edit *edit = editor->at[at - editor->from]; edit; edit = edit->next)
        if (edit->from == edit->to && edit->after == after)
            add(out, edit->text);
}

static bool ends_in_name(const Buf *out) { return is_name_char(out->text[out->size - 1]); }

void render(const Editor *editor, int from, int to, Buf *out)
{
    const char *text = editor->source->text;
    int copied = from;
    for (int at = from; at < to;) {
        const Edit *widest = NULL;
        const Edit *edit = editor->at[at - editor->from];
        if (!edit) {
            at++;
            continue;
        }
        add_bytes(out, text + copied, (size_t)(at - copied));
        if (at > from)
            add_insertions(editor, at, true, out);
        add_insertions(editor, at, false, out);
        for (; edit; edit = edit->next)
            if (edit->to > edit->from && edit->to <= to && (!widest || edit->to > widest->to))
                widest = edit;
        copied = at;
        if (widest) {
            if (out->size && ends_in_name(out) && is_name_char(*widest->text) && !is_name_char(text[at]))
                add(out, " "); /* `return({ .. })` gives a name */
            add(out, widest->text);
            at = copied = widest->to;
        } else {
            at++;
        }
    }
    add_bytes(out, text + copied, (size_t)(to - copied));
    if (to > from)
        add_insertions(editor, to, true, out);
}

const char *rendered(const Editor *editor, int from, int to)
{
    int at = from;
    while (at <= to && !editor->at[at - editor->from])
        at++;
    if (at > to) /* as most operands are */
        return take_text(editor->arena, editor->source->text + from, (size_t)(to - from));
    Buf out = { .arena = editor->arena };
    add(&out, "");
    render(editor, from, to, &out);
    return out.text;
}
