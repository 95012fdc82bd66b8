/* local_types.c - locals of types that only the body can name.
 *
 *     struct point { int x, y; } p = { 1, n };     struct AC__FRAME point { int x, y; };
 *                                                  __builtin_memcpy((void *)&(*(struct point *)self->p), ..
 *     await g();
 *     return p.x;                                  return (*(struct point *)self->p).x;
 *
 * A frame stands at file level, so its field is bytes of that size and alignment, which the body asserts and
 * casts; pointers to such a type are kept as void *. The definition stays where it is. It gets the attribute of
 * frames: its objects take turns with others in the frame's memory. */
#include "lower.h"
#include <string.h>

const char *show_type(Arena *arena, const Type *type, const char *name)
{
    const char *text = declare(arena, type, name, false);
    for (const TagUse *use = type->tags; use; use = use->next) {
        const Tag *tag = use->tag;
        const char *at = strstr(text, tag->spelled);
        if (!at || (tag->name && !tag->is_ambiguous))
            continue;
        text = take_format(arena, "%.*s%s %s%s", (int)(at - text), text, tag->word, tag->name ? tag->name : "{..}",
                           at + strlen(tag->spelled));
    }
    return text;
}

bool is_bytes(const Local *local)
{
    return local->home == HOME_PLACED && !is_pointer_kept(local) && (local->type->tags || local->lowered);
}

const char *memory_of(const Fn *fn, const Local *local)
{
    return take_format(fn->tu->arena, "%s%s->%s", is_bytes(local) ? "" : "&", fn->self, local->slot->name);
}

const char *place_of_local(const Fn *fn, const Local *local)
{
    Arena *arena = fn->tu->arena;
    if (is_pointer_kept(local))
        return place_of_pointer(fn, local);
    const char *field = take_format(arena, "%s->%s", fn->self, local->slot->name);
    if (!is_bytes(local))
        return field;
    const Type *type = local->type;
    return take_format(arena, "(*(%s)%s)", declare(arena, type, type->kind == TYPE_ARRAY ? "(*)" : "*", true), field);
}

Type *unsigned_type(Arena *arena, int size)
{
    const char *name = size == 1 ? "unsigned char " : size == 2 ? "unsigned short " : "unsigned int ";
    Type *type = take(arena, sizeof *type);
    *type = (Type){ .kind = TYPE_SCALAR, .before = name, .after = "", .bare_before = name, .bare_after = "", .size = size,
                    .align = size };
    return type;
}

const char *bytes_field(Arena *arena, const Field *field)
{
    const Type *type = field->type;
    if (field->local && is_pointer_kept(field->local))
        return take_format(arena, "ac__pointer %s", field->name);
    if (!field->local || !type || (!type->tags && !is_bytes(field->local)))
        return NULL;
    if (type->kind == TYPE_SCALAR && field->local->home != HOME_PLACED)
        return take_format(arena, strchr(type->after, '(') ? "void (*%s)(void)" : "void *%s", field->name);
    return take_format(arena, "_Alignas(%d) unsigned char %s[%lld]", field->align, field->name, (long long)field->size);
}

void add_save(const Fn *fn, const Local *local, int state, Buf *out)
{
    const char *self = fn->self, *field = slot_at(local, state)->name, *name = local->name;
    const Type *type = local->type;
    if (!type->tags || is_pointer_kept(local))
        add_format(out, "    %s->%s = %s;\n", self, field, name);
    else if (type->kind != TYPE_SCALAR)
        add_format(out, "    __builtin_memcpy(%s->%s, &%s, sizeof %s);\n", self, field, name, name);
    else
        add_format(out, "    %s->%s = (%s)%s;\n", self, field, strchr(type->after, '(') ? "void (*)(void)" : "void *", name);
}

void add_restore(const Fn *fn, const Local *local, int state, Buf *out)
{
    const char *self = fn->self, *field = slot_at(local, state)->name, *name = local->name;
    const Type *type = local->type;
    if (!type->tags || is_pointer_kept(local))
        add_format(out, "    %s = %s->%s;\n", name, self, field);
    else if (type->kind != TYPE_SCALAR)
        add_format(out, "    __builtin_memcpy((void *)&%s, %s->%s, sizeof %s);\n", name, self, field, name);
    else
        add_format(out, "    %s = (%s)%s->%s;\n", name, declare(fn->tu->arena, type, "", true), self, field);
}

void add_size_assertion(const Fn *fn, const Local *local, Buf *out)
{
    if (!is_bytes(local) || local->type->variable_size)
        return;
    const char *type = declare(fn->tu->arena, local->type, "", true);
    add_format(out, "_Static_assert(sizeof(%s) == %lld && _Alignof(%s) <= %d, \"asyncc laid out %s for another target\");\n",
               type, (long long)local->type->size, type, local->type->align, fn->name);
}

/* ---- definitions -------------------------------------------------------------------------------- */

void need_tags(const Type *type)
{
    for (const TagUse *use = type->tags; use; use = use->next)
        use->tag->is_needed = true;
}

/* The first tag from `from` on, and before `to`, that made text names. */
static Tag *next_tag(const Fn *fn, int from, int to)
{
    Tag *next = NULL;
    for (int i = 0; i < fn->nlocals; i++)
        for (const TagUse *use = fn->locals[i]->type->tags; use; use = use->next)
            if (use->tag->is_needed && from <= use->tag->from && use->tag->from < to &&
                (!next || use->tag->from < next->from))
                next = use->tag;
    return next;
}

bool defines_tag_of(const Type *type, const Node *node)
{
    for (const TagUse *use = type->tags; use; use = use->next)
        if (node->from <= use->tag->from && use->tag->from < node->to)
            return true;
    return false;
}

static bool name_tag(Tu *tu, Tag *tag, Editor *editor)
{
    if (tag->in_macro) {
        if (!ask_expansion(tu, tag->from))
            report(tu, ERROR, tag->from, tag->from, "the definition of this type can't be edited");
        return false;
    }
    tag->is_named = true;
    const char *made = strchr(tag->spelled, ' ');
    insert_before(editor, tag->keyword_to, take_format(tu->arena, " AC__FRAME%s", tag->name || !made ? "" : made));
    return true;
}

bool name_tags(Fn *fn, Editor *editor)
{
    bool good = true;
    for (int i = 0; i < fn->nlocals; i++) {
        const Local *local = fn->locals[i];
        if (local->home != HOME_STACK || (local->kind == LOCAL_TEMP && local->used))
            need_tags(local->type);
    }
    for (int i = 0; i < fn->nlocals; i++)
        for (const TagUse *use = fn->locals[i]->type->tags; use; use = use->next)
            if (use->tag->is_needed && editor->from <= use->tag->from && use->tag->from < editor->to && !use->tag->is_named)
                good &= name_tag(fn->tu, use->tag, editor);
    return good;
}

bool name_file_tags(Tu *tu, Editor **editor)
{
    bool good = true;
    for (int i = 0; i < tu->nfns; i++) {
        const Fn *fn = tu->fns[i];
        for (int k = 0; fn->body && fn->nawaits && k < fn->nlocals; k++)
            for (const TagUse *use = fn->locals[k]->type->tags; use; use = use->next) {
                Tag *tag = use->tag;
                if (tag->from < 0 || tag->from >= fn->body->from || tag->is_named || tag->refused)
                    continue;
                if (!*editor)
                    *editor = new_editor(tu->arena, tu->source, 0, tu->source->size);
                good &= name_tag(tu, tag, *editor);
            }
    }
    return good;
}

const char *alias_tags(Fn *fn, int from, int to)
{
    Buf out = { .arena = fn->tu->arena, .text = "" };
    for (Tag *tag; (tag = next_tag(fn, from, to)); from = tag->from + 1) {
        if (!tag->is_ambiguous || tag->has_alias)
            continue;
        tag->has_alias = true;
        add_format(&out, "%s %s; typedef %s %s %s; ", tag->word, tag->name, tag->word, tag->name, tag->spelled);
    }
    return out.text;
}

bool check_aliases(Fn *fn)
{
    bool good = true;
    int from = 0;
    for (Tag *tag; (tag = next_tag(fn, from, fn->tu->source->size)); from = tag->from + 1) {
        if (!tag->is_ambiguous || tag->has_alias)
            continue;
        tag->has_alias = true;
        good = false;
        report(fn->tu, ERROR, tag->from, tag->keyword_to,
               "'%s %s', used across an await, is declared twice in this function, and here inside of an expression: "
               "not supported yet", tag->word, tag->name);
    }
    return good;
}

/* Past `__attribute__((..))` and `[[..]]`. */
static int skip_attributes(const char *text, int at, int to)
{
    for (;;) {
        Token token = next_token(text, at, to);
        int open = token.from;
        if (token_is(text, token, "__attribute__") || token_is(text, token, "__attribute")) {
            Token paren = next_token(text, token.to, to);
            open = paren.from;
        } else if (!(token_is(text, token, "[") && text[token.from + 1] == '[')) {
            return at;
        }
        int close = find_closing(text, open, to);
        if (close < 0)
            return at;
        at = close + 1;
    }
}

const char *kept_definition(const Editor *editor, int from, int to)
{
    const char *text = editor->source->text;
    for (int at = from; at < to;) {
        Token word = next_token(text, at, to);
        if (word.kind == T_END)
            break;
        at = word.to;
        if (!token_is(text, word, "struct") && !token_is(text, word, "union") && !token_is(text, word, "enum"))
            continue;
        int after = skip_attributes(text, word.to, to);
        Token token = next_token(text, after, to);
        if (token.kind == T_NAME)
            token = next_token(text, skip_attributes(text, token.to, to), to);
        if (token_is(text, token, ":"))
            while (token.kind != T_END && !token_is(text, token, "{"))
                token = next_token(text, token.to, to);
        int close = token_is(text, token, "{") ? find_closing(text, token.from, to) : -1;
        if (close >= 0)
            return rendered(editor, word.from, skip_attributes(text, close + 1, to));
    }
    return NULL;
}
