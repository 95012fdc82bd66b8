/* vla.c - variably modified declarations where an await stands.
 *
 *     int a[n][m];                  f__b1 = n; f__b2 = m;
 *                                   ac__pointer a = ac__vla(&self->ac__blocks, 1, ..bytes, 4);
 *     int (*p)[m] = a;              f__b3 = m;  ac__pointer p = (void *)(..a..);
 *     await g();
 *     a[1][2] = (*p)[0];            (*(int (*)[f__b1][f__b2])a)[1][2] = (*(*(int (**)[f__b3])&p))[0];
 *
 * No compiler lets a goto, as by which a function resumes, lead into the scope of such a declaration, even if
 * nothing of it is used any more. An expression that names the same type in a cast declares nothing. So where
 * an await stands in the scope, the bounds become locals that are made, evaluated once and live as long as
 * something of the type is used; an array becomes memory of the runtime's, given back where its scope is left and
 * all of it where the function ends (ac/memory.h); a pointer is kept as one to void; a typedef leaves only its bounds. The others stay as they are. */
#include "lower.h"
#include <string.h>

bool is_vla(const Local *local)
{
    return local->lowered && local->type->kind == TYPE_ARRAY && local->type->size < 0;
}

/* A jump into the scope isn't C, be the local dead or not. The scope begins somewhere in the declaration. */
bool has_await_in_scope(const Fn *fn, const Local *local)
{
    for (int i = 0; i < fn->nawaits; i++) {
        const Node *await = fn->awaits[i]->node, *scope = local->scope;
        if (await->from >= local->statement->from && (!scope || (scope->from <= await->from && await->to <= scope->to)))
            return true;
    }
    return false;
}

static void lower_local(Fn *fn, Local *local)
{
    local->lowered = true;
    for (const BoundUse *use = local->decl->kind == N_VAR ? local->decl->uses : NULL; use; use = use->next)
        use->local->lowered = true;
    keep_bounds_of(fn, local->type);
    if (local->kind == LOCAL_TYPEDEF)
        return;
    if (is_vla(local)) {
        fn->has_blocks = true;
        local->address_taken = local->in_place = false; /* the memory is elsewhere, this is a pointer to it */
    } else if (local->type->kind == TYPE_ARRAY) {
        local->in_place = true;
    }
}

/* The bounds that another declaration gives, or a type's name in an expression. */
void keep_bounds_of(Fn *fn, const Type *type)
{
    for (const BoundUse *use = type->bounds; use; use = use->next) {
        if (use->local->lowered)
            continue;
        use->local->lowered = true;
        const Node *owner = use->local->statement;
        if (owner->kind == N_VAR && !owner->local->lowered)
            lower_local(fn, owner->local);
    }
}

static void lower_declarations(Fn *fn)
{
    for (int i = 0; i < fn->nlocals; i++) {
        Local *local = fn->locals[i];
        if (!local->type->variable_size)
            continue;
        if (local->kind == LOCAL_LITERAL && fn->nawaits)
            local->lowered = true;
        bool declared = local->kind == LOCAL_VAR || local->kind == LOCAL_TYPEDEF || local->kind == LOCAL_STATIC;
        if (local->is_owed || (declared && has_await_in_scope(fn, local)))
            local->lowered = true;
        if (!local->lowered)
            continue;
        lower_local(fn, local);
    }
}

void lower_variable_types(Fn *fn)
{
    fn->has_blocks = fn->has_allocas && fn->nawaits;
    lower_declarations(fn);
    bool kept = fn->has_blocks && fn->has_allocas; /* to the function's end */
    for (int i = 0; i < fn->nlocals; i++)
        kept |= is_vla(fn->locals[i]) && !fn->locals[i]->is_freed;
    if (kept) {
        own_cleanups(fn);
        lower_declarations(fn);
    }
}

bool is_pointer_kept(const Local *local)
{
    return (local->lowered || local->kind == LOCAL_TEMP) && local->type->variable_size &&
           (local->type->kind != TYPE_ARRAY || local->type->size < 0 || local->kind == LOCAL_STATIC);
}

const char *place_of_pointer(const Fn *fn, const Local *local)
{
    Arena *arena = fn->tu->arena;
    const char *at = local->home == HOME_PLACED ? take_format(arena, "%s->%s", fn->self, local->slot->name) : local->name;
    const Type *type = local->type;
    if (local->kind == LOCAL_TEMP)
        return take_format(arena, "((%s)%s)", declare(arena, type, "", true), at);
    if (is_vla(local))
        return take_format(arena, "(*(%s)%s)", declare(arena, type, "(*)", false), at);
    return take_format(arena, "(*(%s)&%s)", declare(arena, type, type->kind == TYPE_ARRAY ? "(*)" : "*", false), at);
}

/* At the head of the body, since the value of a statement expression may have a type that is made inside. */
void declare_bounds(const Fn *fn, Buf *out)
{
    for (int i = 0; i < fn->nlocals; i++)
        if (fn->locals[i]->kind == LOCAL_BOUND && fn->locals[i]->lowered)
            add_format(out, "    AC__UNUSED __SIZE_TYPE__ %s = 0;\n", fn->locals[i]->name);
}

void add_bound(const Local *bound, const char *value, Buf *out)
{
    add_format(out, "%s = %s;\n", bound->name, value);
}

void add_variable_object(const Fn *fn, const Local *local, const char *value, Buf *out)
{
    const char *at = local->home == HOME_PLACED ? take_format(fn->tu->arena, "%s->%s", fn->self, local->slot->name) : local->name;
    const char *declares = local->home == HOME_PLACED ? "" : "AC__UNUSED ac__pointer ";
    if (is_vla(local)) {
        add_format(out, "%s%s = ac__vla(&%s->ac__blocks, %d, %s, %d);\n", declares, at, fn->self, local->index + 1,
                   local->type->extent, local->type->align);
        if (value) /* there is but one initialiser, {} */
            add_format(out, "__builtin_memset(%s, 0, %s);\n", at, local->type->extent);
    } else if (value) {
        add_format(out, "%s%s = (void *)(%s);\n", declares, at, value);
    } else if (*declares) {
        add_format(out, "%s%s = 0;\n", declares, at);
    }
}

void free_variable_object(const Fn *fn, const Local *local, Buf *out)
{
    add_format(out, "ac__vla_end(&%s->ac__blocks, %d);\n", fn->self, local->index + 1);
}

void add_static(const Fn *fn, const Local *local, const char *value, bool is_list, Buf *out)
{
    const Type *type = local->type;
    add_format(out, "AC__UNUSED static %s", local->is_thread ? "__thread " : "");
    if (!local->lowered)
        add(out, declare(fn->tu->arena, type, local->name, false));
    else /* of `int (*p[3])[n]` the [3] */
        add_format(out, "ac__pointer %s%.*s", local->name, type->kind == TYPE_ARRAY ? (int)strcspn(type->after, ")") : 0,
                   type->after);
    if (value)
        add_format(out, is_list || !local->lowered ? " = %s" : " = (void *)(%s)", value);
    add(out, ";\n");
}

const char *free_blocks(const Fn *fn)
{
    return fn->has_blocks ? take_format(fn->tu->arena, "ac__free_blocks(&%s->ac__blocks); ", fn->self) : "";
}

bool has_variable_params(const Fn *fn)
{
    for (int i = 0; i < fn->nparams; i++)
        if (fn->params[i]->type->variable_size)
            return true;
    return false;
}

bool edit_type_uses(Fn *fn, Editor *editor)
{
    bool good = true;
    for (int i = 0; i < fn->ntype_uses; i++) {
        const TypeUse *use = &fn->type_uses[i];
        if (!use->local->lowered)
            continue;
        const Type *type = use->local->type;
        if (!use->in_macro) {
            replace_text(editor, use->from, use->to,
                         take_format(fn->tu->arena, "__typeof__(%s)", declare(fn->tu->arena, type, "", false)));
        } else {
            good = false;
            if (!ask_expansion(fn->tu, use->from))
                report(fn->tu, ERROR, use->from, use->from, "this name of a variably modified type can't be edited");
        }
    }
    return good;
}
