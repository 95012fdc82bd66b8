/* fill.c - templates to text: places get operands, contexts get their form.
 *
 *     $i + g1f($c)     op_i(1) + g1f(await aw_c(2))    with the mask 2
 *
 * Without random numbers a place takes a plain call or an await of one, as the mask says. With them
 * it may also take a local, or another form in parentheses. */
#include "grid_gen.h"

#include <string.h>

int count_places(const char *text)
{
    int count = 0;
    for (const char *p = text; *p; p++)
        count += *p == '$';
    return count;
}

static const Local *pick_local(Rng *rng, char type)
{
    const Local *chosen = NULL;
    unsigned seen = 0;
    for (const Local *local = grid_locals; local->name; local++)
        if (local->type == type && pick(rng, ++seen) == 0)
            chosen = local;
    return chosen;
}

static const Form *pick_form(Rng *rng, char type, unsigned without)
{
    size_t count;
    const Form *forms = get_forms(&count), *chosen = NULL;
    unsigned seen = 0;
    for (size_t i = 0; i < count; i++)
        if (forms[i].type == type && !(forms[i].flags & without) && pick(rng, ++seen) == 0)
            chosen = &forms[i];
    return chosen;
}

static char *awaited_leaf(char type, int id)
{
    return textf("await %s_%c(%d)", id & 1 || type == 'v' ? "aw" : "hw", type, id);
}

/* @param tight  a postfix operator follows. */
static char *fill_place(Fill *how, char type, bool tight)
{
    int place = how->nplaces++;
    bool awaited = how->mask >> place & 1;
    if (how->rng) {
        unsigned roll = pick(how->rng, 100);
        /* Pointers that are sums of sums would leave their arrays. */
        bool can_nest = !strchr("pt", type);
        if (how->depth > 0 && roll < 45 && can_nest) {
            const Form *form = pick_form(how->rng, type, FORM_FIXED | FORM_ADDRESS | FORM_PRODUCT);
            if (form) {
                Fill inner = *how;
                inner.depth = form->flags & FORM_FLAT ? -1 : how->depth - 1;
                char *text = fill(&inner, form->text);
                how->next_id = inner.next_id;
                return textf("(%s)", text);
            }
        }
        const Local *local = how->depth >= 0 && roll % 4 == 0 ? pick_local(how->rng, type) : NULL;
        if (local)
            return textf("%s", local->name);
        awaited = roll & 1;
    }
    int id = how->next_id++;
    if (!awaited)
        return textf("op_%c(%d)", type, id);
    char *leaf = awaited_leaf(type, id);
    return tight ? textf("(%s)", leaf) : leaf;
}

char *fill_form(Fill *how, const Form *form)
{
    Fill inner = *how;
    inner.nplaces = 0;
    if (form->flags & FORM_FLAT)
        inner.depth = -1;
    char *text = fill(&inner, form->text);
    how->next_id = inner.next_id;
    return text;
}

/* What a `@` gets: the form, in parentheses where C or the compilers' warnings want them. */
static char *fill_inner(Fill *how)
{
    const Form *form = how->inner;
    const Context *context = how->context;
    char *text = fill_form(how, form);
    if (context->flags & CONTEXT_COND && form->flags & FORM_NO_COND)
        return textf("(%s) != 0", text);
    if (context->flags & CONTEXT_COND && form->flags & FORM_ASSIGN)
        return textf("(%s)", text);
    if (form->flags & FORM_COMMA && !(context->flags & CONTEXT_OPEN))
        return textf("(%s)", text);
    /* A macro's argument may hold no comma outside of parentheses. */
    if (context->flags & CONTEXT_MACRO && strchr(text, '{'))
        return textf("(%s)", text);
    return text;
}

char *fill(Fill *how, const char *text)
{
    Buf out = make_buf();
    for (const char *p = text; *p; p++) {
        if (*p == '$') {
            bool tight = p[2] && strchr(".[(", p[2]);
            tight |= p[2] == '-' && p[3] == '>';
            tight |= p[2] == '+' && p[3] == '+';
            addf(&out, "%s", fill_place(how, p[1], tight));
            p++;
        } else if (*p == '#') {
            addf(&out, "%d", how->next_id++);
        } else if (*p == '@' && p[1] == 'T') {
            addf(&out, "%s", type_name(how->inner->type));
            p++;
        } else if (*p == '@' && p[1] == 't') {
            addf(&out, "%s", tracer_of(how->inner->type));
            p++;
        } else if (*p == '@' && p[1] == 'v') {
            addf(&out, "%s", awaited_leaf('v', how->next_id++));
            p++;
        } else if (*p == '@') {
            addf(&out, "%s", fill_inner(how));
        } else {
            add_text(&out, p, 1);
        }
    }
    return out.text;
}
