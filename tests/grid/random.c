/* random.c - bodies of random statements around random expressions.
 *
 * Loops are bounded by counters of their own, so that a body ends; values stay small because only
 * forms that cannot overflow are used (see FORM_FLAT and FORM_FIXED in grid_gen.h). */
#include "grid_gen.h"

#include <string.h>

typedef struct Body {
    Buf text;
    Fill fill;
    int nnames;  /* of counters and labels */
    int budget;  /* of statements          */
    bool in_loop;
} Body;

static void add_statements(Body *body, int depth, int count);

static const Form *pick_any_form(Rng *rng, const char *types, unsigned without)
{
    size_t count;
    const Form *forms = get_forms(&count);
    for (;;) {
        const Form *form = &forms[pick(rng, (unsigned)count)];
        if (strchr(types, form->type) && !(form->flags & (FORM_FIXED | without)))
            return form;
    }
}

static char *random_expression(Body *body, const Form *form)
{
    return fill_form(&body->fill, form);
}

static char *random_condition(Body *body)
{
    Rng *rng = body->fill.rng;
    const Form *form = pick_any_form(rng, "bciul", FORM_ADDRESS | FORM_COMMA | FORM_PRODUCT);
    const char *text = random_expression(body, form);
    switch (pick(rng, 3)) {
    case 0:
        return textf("(%s) != %u", text, pick(rng, 2));
    case 1:
        return textf("((%s) & 1) != 0", text);
    default:
        return form->flags & (FORM_NO_COND | FORM_ASSIGN) ? textf("(%s) != 0", text) : textf("%s", text);
    }
}

static void add_trace(Body *body)
{
    const Form *form = pick_any_form(body->fill.rng, "bcheiulwfdsSqp", FORM_COMMA);
    addf(&body->text, "%s(%s);\n", tracer_of(form->type), random_expression(body, form));
}

static void add_statement(Body *body, int depth)
{
    Rng *rng = body->fill.rng;
    Buf *out = &body->text;
    int n;
    bool outer = body->in_loop;
    body->budget--;
    switch (depth > 0 ? pick(rng, 13) : pick(rng, 5)) {
    case 0:
    case 1:
        add_trace(body);
        break;
    case 2: {
        const Form *form = pick_any_form(rng, "v", 0);
        addf(out, "%s;\n", random_expression(body, form));
        break;
    }
    case 3: {
        const Form *form = pick_any_form(rng, "ciuldsp", 0);
        char *text = random_expression(body, form);
        addf(out, form->flags & FORM_ASSIGN ? "%s;\n" : "(void)(%s);\n", text);
        break;
    }
    case 4:
        if (body->in_loop && pick(rng, 2))
            addf(out, "if (%s)\n%s;\n", random_condition(body), pick(rng, 2) ? "break" : "continue");
        else
            addf(out, "tr_i(await aw_add(%d, %s));\n", body->fill.next_id++, random_expression(body, pick_any_form(rng, "ic", FORM_COMMA)));
        break;
    case 5:
    case 6:
        addf(out, "if (%s) {\n", random_condition(body));
        add_statements(body, depth - 1, 2);
        addf(out, "} else {\n");
        add_statements(body, depth - 1, 1);
        addf(out, "}\n");
        break;
    case 7:
        n = body->nnames++;
        addf(out, "for (int n%d = 0; n%d < %u; n%d++) {\n", n, n, 1 + pick(rng, 2), n);
        body->in_loop = true;
        add_statements(body, depth - 1, 2);
        addf(out, "}\n");
        break;
    case 8:
        n = body->nnames++;
        addf(out, "int n%d = 0;\nwhile (n%d++ < 2 && (%s)) {\n", n, n, random_condition(body));
        body->in_loop = true;
        add_statements(body, depth - 1, 2);
        addf(out, "}\n");
        break;
    case 9:
        n = body->nnames++;
        addf(out, "int n%d = 0;\ndo {\n", n);
        body->in_loop = true;
        add_statements(body, depth - 1, 2);
        addf(out, "} while ((%s) && n%d++ < 1);\n", random_condition(body), n);
        break;
    case 10: {
        const Form *form = pick_any_form(rng, "iul", FORM_COMMA);
        addf(out, "switch ((int)(%s) & 3) {\ncase 0: {\n", random_expression(body, form));
        add_statements(body, depth - 1, 1);
        addf(out, "}\n%s\ncase 2: {\n", pick(rng, 2) ? "break;" : "__attribute__((fallthrough));");
        add_statements(body, depth - 1, 1);
        addf(out, "}\n%s\ndefault: {\n", pick(rng, 2) ? "break;" : "__attribute__((fallthrough));");
        add_statements(body, depth - 1, 1);
        addf(out, "}\n}\n");
        break;
    }
    case 11: {
        const Form *form = pick_any_form(rng, "bcheiulwfdsS", 0);
        const char *text = random_expression(body, form);
        addf(out, form->flags & FORM_COMMA ? "{\n%s x_ = (%s);\n" : "{\n%s x_ = %s;\n", type_name(form->type), text);
        add_statements(body, depth - 1, 2);
        addf(out, "%s(x_);\n}\n", tracer_of(form->type));
        break;
    }
    default:
        n = body->nnames++;
        addf(out, "int n%d = 0;\nback%d:\n", n, n);
        add_trace(body);
        addf(out, "if (n%d++ < 1 && (%s))\ngoto back%d;\n", n, random_condition(body), n);
    }
    body->in_loop = outer;
}

static void add_statements(Body *body, int depth, int count)
{
    for (int i = 0; i < count; i++) {
        if (body->budget > 0)
            add_statement(body, depth);
        else
            addf(&body->text, "tr_k(%d);\n", body->fill.next_id++);
    }
}

char *make_random_body(Rng *rng, int depth)
{
    Body body = { .text = make_buf(), .fill = { .next_id = 1, .rng = rng, .depth = depth }, .budget = 8 };
    add_statements(&body, depth > 3 ? 3 : depth, 3);
    return body.text.text;
}
