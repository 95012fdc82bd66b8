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
    return editor;
}

/* The first spot at or behind an offset, or nspots. */
static int find_spot(const Editor *editor, int at)
{
    int low = 0, high = editor->nspots;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (editor->spots[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The list of the edits that begin there. */
static Edit **edits_at(Editor *editor, int at)
{
    int i = find_spot(editor, at), behind = editor->nspots - i;
    if (!behind || editor->spots[i].at != at) {
        push(editor->arena, editor->spots, editor->nspots, editor->room);
        memmove(&editor->spots[i + 1], &editor->spots[i], (size_t)behind * sizeof *editor->spots);
        editor->spots[i] = (Spot){ at, NULL };
    }
    return &editor->spots[i].edits;
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
    int i = find_spot(editor, at);
    if (i == editor->nspots || editor->spots[i].at != at)
        return;
    for (Edit **edit = &editor->spots[i].edits; *edit;) {
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
    Edit **list = edits_at(editor, from);
    edit->next = *list;
    *list = edit;
}

void insert_before(Editor *editor, int at, const char *text)
{
    Edit *edit = new_edit(editor, at, at, text);
    Edit **list = edits_at(editor, at);
    edit->next = *list;
    *list = edit;
}

void insert_after(Editor *editor, int at, const char *text)
{
    Edit *edit = new_edit(editor, at, at, text);
    edit->after = true;
    Edit **list = edits_at(editor, at);
    while (*list)
        list = &(*list)->next;
    *list = edit;
}

static void add_insertions(const Edit *edits, bool after, Buf *out)
{
    for (const Edit *edit = edits; edit; edit = edit->next)
        if (edit->from == edit->to && edit->after == after)
            add(out, edit->text);
}

static bool ends_in_name(const Buf *out) { return is_name_char(out->text[out->size - 1]); }

void render(const Editor *editor, int from, int to, Buf *out)
{
    const char *text = editor->source->text;
    const Spot *spot = editor->spots + find_spot(editor, from), *end = editor->spots + editor->nspots;
    int copied = from;
    while (spot < end && spot->at < to) {
        const Edit *widest = NULL;
        add_bytes(out, text + copied, (size_t)(spot->at - copied));
        if (spot->at > from)
            add_insertions(spot->edits, true, out);
        add_insertions(spot->edits, false, out);
        for (const Edit *edit = spot->edits; edit; edit = edit->next)
            if (edit->to > edit->from && edit->to <= to && (!widest || edit->to > widest->to))
                widest = edit;
        copied = spot->at;
        if (widest) {
            if (out->size && ends_in_name(out) && is_name_char(*widest->text) && !is_name_char(text[spot->at]))
                add(out, " "); /* `return({ .. })` gives a name */
            add(out, widest->text);
            copied = widest->to;
            spot = editor->spots + find_spot(editor, copied);
        } else {
            spot++;
        }
    }
    add_bytes(out, text + copied, (size_t)(to - copied));
    if (to > from && spot < end && spot->at == to)
        add_insertions(spot->edits, true, out);
}

const char *rendered(const Editor *editor, int from, int to)
{
    int i = find_spot(editor, from);
    if (i == editor->nspots || editor->spots[i].at > to) /* as most operands are */
        return take_text(editor->arena, editor->source->text + from, (size_t)(to - from));
    Buf out = { .arena = editor->arena };
    add(&out, "");
    render(editor, from, to, &out);
    return out.text;
}
