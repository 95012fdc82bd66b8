/* emit_c.c - the C file: the user's text, with each async function as a frame and functions on it.
 *
 *     struct fetch__frame { ... };
 *     static enum ac_poll fetch(self, cx, state, url) { ... }    the body, entered at a state
 *     fetch__init, fetch__start, fetch__poll, fetch__cancel      what others call
 *     fetch__resume                                              poll, for who has started it; of a static function
 *     fetch__first                                               poll, of what hasn't been polled yet; of a task
 *
 * The body of a static function that is awaited for a value of a register's size returns that beside the enum, in
 * struct fetch__ready, as start and resume do; poll puts it into the frame.
 *
 * The body keeps the function's own name, so __func__, assert and a debugger show that. Text that is
 * made stands, with #line, at the line of what it is made for: on that one line, so that a step in a
 * debugger is a step of the source. With -P it is laid out to be read. */
#include "lower.h"
#include <ac/future.h>
#include <stdlib.h>
#include <string.h>

/* ---- text with marks -> text with #line ----------------------------------------------------------- */

typedef struct Printer {
    const Source *source;
    Buf *out;
    bool lines;      /* print #line */
    const File *file; /* where a compiler believes to be */
    int line;
    bool fresh; /* at the start of a line */
} Printer;

static void say_line(Printer *p, Place place)
{
    add_line_directive(p->out, place.file, place.line);
    p->file = place.file;
    p->line = place.line;
}

static inline void add_char(Buf *buf, char c)
{
    if (buf->room - buf->size < 2) {
        add_bytes(buf, &c, 1);
        return;
    }
    buf->text[buf->size++] = c;
    buf->text[buf->size] = '\0';
}

static void put(Printer *p, char c)
{
    add_char(p->out, c);
    p->fresh = c == '\n';
    if (c == '\n')
        p->line++;
}

static void put_bytes(Printer *p, const char *bytes, size_t size)
{
    if (!size)
        return;
    add_bytes(p->out, bytes, size);
    p->fresh = bytes[size - 1] == '\n';
    for (const char *end = bytes + size; (bytes = memchr(bytes, '\n', (size_t)(end - bytes))); bytes++)
        p->line++;
}

static void end_line(Printer *p)
{
    if (p->fresh)
        return;
    while (p->out->size && (p->out->text[p->out->size - 1] == ' ' || p->out->text[p->out->size - 1] == '\t'))
        p->out->text[--p->out->size] = 0;
    if (p->out->size && p->out->text[p->out->size - 1] == '\n')
        p->fresh = true;
    else
        put(p, '\n');
}

static int indent_of(const Source *source, int offset)
{
    int start = offset;
    while (start > 0 && source->text[start - 1] != '\n')
        start--;
    int columns = 0;
    for (int i = start; i < source->size && (source->text[i] == ' ' || source->text[i] == '\t'); i++)
        columns += source->text[i] == '\t' ? 8 - columns % 8 : 1;
    return columns;
}

static bool at_line_start(const Printer *p)
{
    size_t i = p->out->size;
    while (i && (p->out->text[i - 1] == ' ' || p->out->text[i - 1] == '\t'))
        i--;
    return !i || p->out->text[i - 1] == '\n';
}

static void add_blanks(Printer *p, int columns)
{
    static const char blanks[] = "                                ";
    for (int most = (int)sizeof blanks - 1; columns > 0; columns -= most)
        add_bytes(p->out, blanks, (size_t)(columns < most ? columns : most));
}

static void go_to(Printer *p, int offset)
{
    if (!p->lines)
        return;
    Place place = place_of(p->source, offset);
    if (p->file == place.file && p->line == place.line)
        return;
    end_line(p);
    say_line(p, place);
    add_blanks(p, indent_of(p->source, offset));
    p->fresh = false;
}

/* The offset in a mark, whose letter stands at `letter`; *after is then what follows the mark. */
static int read_mark(const char *letter, const char **after)
{
    const char *at = letter + 1;
    int offset = 0;
    bool negative = *at == '-'; /* nothing of the source */
    for (at += negative; *at != MARK[0]; at++)
        offset = 10 * offset + (*at - '0');
    *after = at + 1;
    return negative ? -offset : offset;
}

/* One made stretch, from text up to its E mark. On one line if there are #lines, else indented. */
static const char *print_made(Printer *p, const char *text, int offset)
{
    const char *mark;
    int depth = 1, after = offset;
    const char *end = text;
    while (depth && (mark = strchr(end, MARK[0]))) {
        depth += mark[1] == 'B' ? 1 : mark[1] == 'E' ? -1 : 0;
        after = read_mark(mark + 1, &end);
    }
    const char *last = mark; /* the E that ends it */
    int base = p->lines ? 0 : indent_of(p->source, offset);
    if (!p->lines) {
        if (!at_line_start(p))
            add(p->out, " ");
    }
    bool in_string = false;
    char quote = 0;
    const char *stops = p->lines ? MARK "\n\\\"'/" : MARK "\n\\\"'/}";
    for (const char *c = text; c < last; c++) {
        size_t plain = in_string ? 0 : strcspn(c, stops);
        if (plain) {
            add_bytes(p->out, c, plain);
            p->fresh = false;
            c += plain;
            if (c == last)
                break;
        }
        if (*c == MARK[0]) {
            c = strchr(c + 1, MARK[0]); /* nested made text belongs to this */
            continue;
        }
        if (*c == '\\') { /* a joined line end joins what is put onto one line anyhow */
            const char *end_of_line = c + 1 + strspn(c + 1, " \t\r\f\v");
            if (*end_of_line == '\n') {
                c = end_of_line;
                continue;
            }
        }
        if (in_string) {
            put(p, *c);
            if (*c == '\\' && c + 1 < last)
                put(p, *++c);
            else if (*c == quote)
                in_string = false;
            continue;
        }
        if (*c == '"' || *c == '\'') {
            in_string = true;
            quote = *c;
        }
        if (p->lines && c[0] == '/' && c[1] == '/') {
            while (c + 1 < last && c[1] != '\n')
                c++;
            continue;
        }
        if (p->lines && c[0] == '/' && c[1] == '*') {
            const char *close = strstr(c + 2, "*/");
            c = close && close < last ? close + 1 : last - 1;
            continue;
        }
        if (*c != '\n') {
            if (*c == '}' && !p->lines && at_line_start(p)) {
                base -= 4;
                while (p->out->size && p->out->text[p->out->size - 1] == ' ')
                    p->out->text[--p->out->size] = 0;
                add_blanks(p, base);
            }
            put(p, *c);
            continue;
        }
        const char *next = c + 1;
        while (next < last && (*next == ' ' || *next == '\t'))
            next++;
        if (*next == '#') { /* a directive of the user's own */
            end_line(p);
            while (next < last && *next != '\n')
                put(p, *next++);
            put(p, '\n');
            c = next;
            continue;
        }
        if (p->lines) {
            if (p->out->size && p->out->text[p->out->size - 1] != ' ' && p->out->text[p->out->size - 1] != '\n')
                add_char(p->out, ' ');
            c = next - 1;
            continue;
        }
        if (c[-1] == '{')
            base += 4;
        end_line(p);
        if (next < last && next[0] != '\n') {
            int extra = 0;
            if (next - c - 1 >= 8)
                extra = 4; /* the statement of an if */
            add_blanks(p, base + extra);
            p->fresh = false;
        }
        c = next - 1;
    }
    if (p->lines) {
        go_to(p, after);
    } else if (!p->fresh && last[-1] == '\n') {
        end_line(p);
    }
    if (!p->lines && p->fresh && *end != '\n') {
        add_blanks(p, base);
        p->fresh = false;
    }
    return end;
}

static void print_text(Printer *p, const char *text)
{
    while (*text) {
        if (*text != MARK[0]) {
            size_t size = strcspn(text, MARK);
            put_bytes(p, text, size);
            text += size;
            continue;
        }
        char letter = text[1];
        const char *next;
        int offset = read_mark(text + 1, &next);
        if (letter == 'B') {
            go_to(p, offset);
            text = print_made(p, next, offset);
            continue;
        }
        if (letter == 'S')
            go_to(p, offset);
        text = next;
    }
}

/* ---- declarations --------------------------------------------------------------------------------------- */

/* The parameter list of a declaration, cut at its commas: part i is from cuts[i] to cuts[i + 1] - 1. False where
 * the text doesn't show one part for each parameter. */
static bool cut_params(const Fn *fn, const Decl *decl, int *cuts)
{
    const char *text = fn->tu->source->text;
    int n = 0;
    cuts[n++] = decl->params_from;
    for (int at = decl->params_from;;) {
        Token token = next_token(text, at, decl->params_to);
        if (token.kind == T_END)
            break;
        at = token.to;
        if (token.kind == T_DIRECTIVE)
            return false;
        if (token_is(text, token, "(") || token_is(text, token, "[") || token_is(text, token, "{")) {
            int close = find_closing(text, token.from, decl->params_to);
            at = close < 0 ? decl->params_to : close + 1;
        } else if (token_is(text, token, ",")) {
            if (n == fn->nparams)
                return false;
            cuts[n++] = token.to;
        }
    }
    cuts[n] = decl->params_to + 1;
    return n == fn->nparams;
}

static const char *trimmed(Arena *arena, const char *text)
{
    text += strspn(text, " \t\n");
    size_t size = strlen(text);
    while (size && strchr(" \t\n", text[size - 1]))
        size--;
    return take_text(arena, text, size);
}

const char *params_text(const Fn *fn, const Decl *decl, const Editor *editor)
{
    Tu *tu = fn->tu;
    bool by_text = decl && decl->in_text && decl->params_from, by_type = false;
    for (int i = 0; by_text && i < fn->nparams; i++)
        by_type |= fn->params[i]->by_type;
    for (int i = 0; i < fn->nparams; i++)
        by_type |= fn->params[i]->type->variable_size;
    if (by_text && !by_type) {
        const char *text =
            editor ? rendered(editor, decl->params_from, decl->params_to)
                   : without_async(tu, decl->params_from, decl->params_to);
        text = trimmed(tu->scratch, text);
        return strcmp(text, "void") ? text : "";
    }
    int *cuts = take(tu->scratch, ((size_t)fn->nparams + 2) * sizeof *cuts);
    by_text = by_text && cut_params(fn, decl, cuts);
    Buf text = { .arena = tu->scratch };
    add(&text, "");
    for (int i = 0; i < fn->nparams; i++) {
        const Local *param = fn->params[i];
        const char *part;
        if (param->type->variable_size) /* its bounds would be evaluated whenever the body is entered */
            part = take_format(tu->scratch, "%s%s", editor ? "ac__pointer " : "const volatile void *", param->name);
        else if (!by_text || param->by_type)
            part = declare(tu->scratch, param->type, param->name, false);
        else if (editor)
            part = rendered(editor, cuts[i], cuts[i + 1] - 1);
        else
            part = without_async(tu, cuts[i], cuts[i + 1] - 1);
        add_format(&text, "%s%s", i ? ", " : "", trimmed(tu->scratch, part));
    }
    return text.text;
}

/* What the body returns, and start and resume. */
static const char *outcome(const Fn *fn)
{
    return fn->gives_value ? take_format(fn->tu->scratch, "struct %s__ready", fn->name) : "enum ac_poll";
}

static bool needs_type(const Fn *fn)
{
    return !fn->is_static || fn->spawned || fn->blocked_on || fn->is_main || (fn->is_boxed && !fn->may_call);
}

static bool has_descriptor(const Fn *fn) { return fn->body && (needs_type(fn) || needs_box(fn)); }

bool has_resume(const Fn *fn)
{
    if (fn->is_leaf)
        return fn->has_resume;
    return fn->is_static && !fn->is_boxed && !fn->may_call && (fn->is_awaited || !needs_type(fn)); /* else poll goes another way */
}

/* A value in a register or two, of a function whose callers are all here. Where something is still to be done
 * between the value and the return, the frame keeps it meanwhile. */
static bool can_give_value(const Fn *fn)
{
    return fn->is_static && !fn->is_boxed && !fn->may_call && fn->body && fn->decls[0].in_text && !fn->has_blocks && fn->result->kind == TYPE_SCALAR &&
           fn->result->size > 0 && fn->result->size <= 8 && !fn->result->variable_size;
}

/* Aligned so that the two are returned in a register each. */
static void add_ready(const Fn *fn, int from, Buf *out)
{
    add_format(out, MARK "B%d" MARK "struct %s__ready {\n    enum ac_poll poll;\n    _Alignas(void *) %s;\n};" MARK "E%d" MARK "\n",
               from, fn->name, declare(fn->tu->arena, fn->result, "value", true), from);
}

static void add_prototypes(const Fn *fn, const Decl *decl, Buf *out)
{
    const char *params = params_text(fn, decl, NULL), *comma = *params ? ", " : "";
    const char *name = fn->name, *frame = fn->frame_type, *kind = storage(fn);
    add_format(out, "%s;\n", frame);
    add_format(out, "%svoid %s__init(%s *%s%s);\n", kind, name, frame, comma, params);
    add_format(out, "%s%s %s__start(%s *, struct ac_context *%s%s);\n", kind, outcome(fn), name, frame, comma, params);
    if (has_resume(fn))
        add_format(out, "%s%s %s__resume(%s *, struct ac_context *);\n", kind, outcome(fn), name, frame);
    add_format(out, "%senum ac_poll %s__poll(%s *, struct ac_context *);\n", kind, name, frame);
    add_format(out, "%senum ac_poll %s__cancel(%s *, struct ac_context *);\n", kind, name, frame);
    declare_box(fn, params, out);
    if (!fn->is_static)
        add_format(out, "extern %sconst struct ac_future_type %s__future;\n", kind, name);
    if (layout_symbol(fn))
        add_format(out, "extern %sconst char %s;\n", visibility(fn), layout_symbol(fn));
    if (fn->on_thread)
        add_format(out, "static AC__UNUSED ac_task__handle %s__spawn_local(%s);\n", name, *params ? params : "void");
    if (fn->on_pool)
        add_format(out, "static AC__UNUSED ac_task__handle %s__spawn(%s);\n", name, *params ? params : "void");
    if (fn->blocked_on)
        add_format(out, "static AC__UNUSED %s;\n",
                   declare(fn->tu->arena, fn->result,
                           take_format(fn->tu->arena, "%s__block_on(%s)", name, *params ? params : "void"), true));
}

/* ---- the frame -------------------------------------------------------------------------------------------- */

static const char *field_text(const Fn *fn, const Field *field)
{
    Arena *arena = fn->tu->scratch;
    if (field->kind == FIELD_STATE)
        return take_format(arena, "unsigned %s %s", field->size == 1 ? "char" : field->size == 2 ? "short" : "int",
                           field->name);
    const char *bytes = bytes_field(arena, field);
    if (bytes)
        return bytes;
    if (field->local && field->local->alignment)
        return take_format(arena, "_Alignas(%d) %s", field->local->alignment, declare(arena, field->type, field->name, true));
    /* Without -mavx gcc aligns no vector to more than 16. */
    if (field->kind != FIELD_CHILD && field->type->is_vector && field->align > 16)
        return take_format(arena, "_Alignas(%d) %s", field->align, declare(arena, field->type, field->name, true));
    if (field->kind != FIELD_CHILD)
        return take_format(arena, "%s%s", declare(arena, field->type, field->name, true),
                           field->packed ? " __attribute__((packed))" : "");
    const Fn *callee = field->await->callee;
    if (field->await->boxed)
        return field_of_box(field);
    if (!callee)
        return take_format(arena, "struct ac_await__frame %s", field->name);
    if (is_complete_in(callee, fn))
        return take_format(arena, "%s %s", callee->frame_type, field->name);
    return take_format(arena, "_Alignas(%d) unsigned char %s[%lld]", field->align, field->name, (long long)field->extent);
}

/* Where the first `#pragma pack` of the text stands, or its end: from there on one may be in force. */
static int find_pack(const Source *source)
{
    const char *text = source->text;
    for (const char *at = text; (at = strstr(at, "pack")); at += 4) {
        const char *line = at;
        while (line > text && line[-1] != '\n')
            line--;
        if (memmem(line, (size_t)(at - line), "ragma", 5))
            return (int)(at - text);
    }
    return source->size;
}

static const char *line_start(const Fn *fn, int offset)
{
    return take_format(fn->tu->scratch, MARK "B%d" MARK, offset);
}

/* A type that the function can't name otherwise. */
static void add_outer_tag(const Tag *tag, Buf *out)
{
    if (tag->value)
        add_format(out, "typedef __typeof__(%s) %s;\n", tag->value, tag->spelled);
    else
        add_format(out, "typedef %s %s %s;\n", tag->word, tag->name, tag->spelled);
}

/* Fields that don't overlap stand in one struct; several such share a union. */
static void add_frame(const Fn *fn, bool packed, Buf *out)
{
    Arena *arena = fn->tu->scratch;
    int *lane = take(arena, ((size_t)fn->nfields + 1) * sizeof *lane);
    int64_t *end = take(arena, ((size_t)fn->nfields + 1) * sizeof *end);
    int nlanes = 0;
    for (int i = 0; i < fn->nfields; i++) {
        int k = 0;
        while (k < nlanes && end[k] > fn->fields[i].offset)
            k++;
        if (k == nlanes)
            nlanes++;
        lane[i] = k;
        end[k] = fn->fields[i].offset + fn->fields[i].extent;
    }
    bool flexible = false;
    for (int i = 0; i < fn->nfields; i++)
        flexible |= fn->fields[i].type && fn->fields[i].type->is_flexible;
    if (flexible) /* an object of such a type is one without the array; clang would warn of what follows it */
        add(out, "\n#ifdef __clang__\n#pragma clang diagnostic push\n"
                 "#pragma clang diagnostic ignored \"-Wgnu-variable-sized-type-not-at-end\"\n#endif\n");
    if (packed)
        add(out, "\n#pragma pack(push)\n#pragma pack()\n");
    add_format(out, "%s {\n", fn->frame_type);
    bool shared = nlanes > 1;
    if (shared)
        add(out, "    union {\n");
    int npads = 0;
    for (int k = 0; k < nlanes; k++) {
        int members = 0;
        int64_t first = 0;
        for (int i = 0; i < fn->nfields; i++)
            if (lane[i] == k && !members++)
                first = fn->fields[i].offset;
        bool group = shared && (members > 1 || first > 0);
        const char *indent = shared ? group ? "            " : "        " : "    ";
        if (group)
            add(out, "        struct {\n");
        int64_t at = 0;
        for (int i = 0; i < fn->nfields; i++) {
            const Field *field = &fn->fields[i];
            if (lane[i] != k)
                continue;
            int64_t natural = (at + field->align - 1) / field->align * field->align;
            if (natural < field->offset)
                add_format(out, "%sunsigned char ac__pad%d[%lld];\n", indent, ++npads, (long long)(field->offset - at));
            add_format(out, "%s%s;\n", indent, field_text(fn, field));
            at = field->offset + field->extent;
        }
        if (group)
            add(out, "        };\n");
    }
    if (shared)
        add(out, "    };\n");
    add(out, "} AC__FRAME;\n");
    if (packed)
        add(out, "#pragma pack(pop)\n");
    if (flexible)
        add(out, "#ifdef __clang__\n#pragma clang diagnostic pop\n#endif\n");
    add_format(out, "_Static_assert(sizeof(%s) == %lld && _Alignof(%s) == %d, \"asyncc laid out %s for another target\");\n",
               fn->frame_type, (long long)fn->frame_size, fn->frame_type, fn->frame_align, fn->name);
}

/* ---- functions --------------------------------------------------------------------------------------------- */

static const char *body_name(const Fn *fn)
{
    bool taken = fn->name_is_taken;
    for (int i = 0; i < fn->ndecls; i++) {
        const Decl *decl = &fn->decls[i];
        taken |= !decl->in_text; /* by the plain header */
    }
    for (int i = 0; i < fn->nparams; i++)
        taken |= !strcmp(fn->params[i]->name, fn->name);
    return taken ? take_format(fn->tu->scratch, "%s__body", fn->name) : fn->name;
}

static const char *zero_value(const Fn *fn, const Type *type)
{
    const char *zero = zero_of(type);
    return *zero != '{' ? zero : take_format(fn->tu->scratch, "(%s)%s", declare(fn->tu->scratch, type, "", true), zero);
}

void add_names(const Fn *fn, const char *prefix, Buf *out)
{
    for (int i = 0; i < fn->nparams; i++)
        add_format(out, ", %s%s%s", fn->params[i]->type->variable_size ? "(void *)" : "", prefix,
                   *prefix ? fn->params[i]->slot->name : fn->params[i]->name);
}

/* The descriptor by which executors know the future, each part between `start` and `end`. A leaf's is made in
 * every file that runs it. */
static void add_future_type(const Fn *fn, const char *start, const char *end, Buf *out)
{
    static const char *const any[] = { "poll", "cancel" };
    for (int i = fn->is_leaf ? 0 : 1; i < 2; i++) {
        add(out, start);
        add_by_bytes(fn, any[i], "_any", "", out);
        add(out, end);
    }
    bool is_used = fn->spawned || fn->blocked_on || fn->is_main;
    add(out, start);
    declare_places(fn, out);
    add(out, !fn->is_leaf && !fn->is_static ? storage(fn) : is_used ? "static " : "static AC__UNUSED ");
    add_descriptor(fn, "future", "any", out);
    add(out, end);
}

/* A parameter's value goes to its place in the frame. */
static const char *fill_slot(const Fn *fn, const Local *param)
{
    Arena *arena = fn->tu->scratch;
    const char *slot = take_format(arena, "%s->%s", fn->self, param->slot->name);
    if (param->type->variable_size)
        return take_format(arena, "%s = (void *)%s;", slot, param->name);
    return assignment(arena, slot, param->type, param->name);
}

/* A call of the body, which has a state if it can be suspended. Its arguments are the parameters of the caller
 * (`from` is ""), what the frame has of them (the frame's name), or nothing: then they aren't looked at. */
static void add_call(const Fn *fn, const char *state, const char *from, Buf *out)
{
    const char *body = is_watched(fn) ? take_format(fn->tu->scratch, "%s__checked", fn->name) : body_name(fn);
    add_format(out, "%s(%s, %s%s%s", body, fn->self, fn->cx, has_states(fn) ? ", " : "", has_states(fn) ? state : "");
    for (int i = 0; i < fn->nparams; i++) {
        const Local *param = fn->params[i];
        const char *cast = param->type->variable_size ? "(void *)" : "";
        if (from && !*from)
            add_format(out, ", %s%s", cast, param->name);
        else if (param->slot && (from || param->type->is_pointer)) /* compilers would warn of a null one at -O1 */
            add_format(out, ", %s->%s", from ? from : fn->self, param->slot->name);
        else
            add_format(out, ", %s", zero_value(fn, param->type));
    }
    add(out, ")");
}

/* What a poll ends with: the body is called, and the value left in the frame. With a state, where it's known. */
static void add_poll(const Fn *fn, const char *state, const char *from, Buf *out)
{
    add_format(out, fn->gives_value ? "    %s ac__now = " : "    return ", outcome(fn));
    if (state)
        add_call(fn, state, from, out);
    else
        add_format(out, "%s->%s ? %s__resume(%s, %s) : ", fn->self, fn->state_field->name, fn->name, fn->self, fn->cx);
    if (!state)
        add_call(fn, "0", from, out);
    if (fn->gives_value)
        add_format(out, ";\n    if (ac__now.poll == AC_READY)\n        %s->result = ac__now.value;\n    return ac__now.poll", fn->self);
    add(out, ";\n}");
}

/* start and resume for who awaits it, poll for who knows the frame, poll_any for who has it as bytes. */
static void add_polls(const Fn *fn, const char *params, const char *start, const char *end, Buf *out)
{
    Arena *arena = fn->tu->scratch;
    const char *name = fn->name, *self = fn->self, *cx = fn->cx, *kind = storage(fn), *comma = *params ? ", " : "";
    const char *takes = take_format(arena, "%s *%s, struct ac_context *%s", fn->frame_type, self, cx);
    const char *state = take_format(arena, "%s->%s", self, fn->state_field->name);
    const char *resumed = state; /* that of a future that has been started; with one await it's known */
    for (int i = 0, n = 0; i < fn->nawaits; i++)
        if (fn->awaits[i]->reached)
            resumed = n++ ? state : take_format(arena, "%d", fn->awaits[i]->state);

    const char *apart = fn->is_noinline ? "__attribute__((noinline)) " : "";
    add_format(out, "%s%s%s%s %s__start(%s%s%s)\n{\n%s    return ", start, kind, apart, outcome(fn), name, takes, comma, params,
               init_watch(fn));
    add_call(fn, "0", "", out);
    add_format(out, ";\n}%s", end);

    bool by_type = needs_type(fn), states = has_states(fn);
    if (has_resume(fn)) {
        add_format(out, "%s%s%s%s %s__resume(%s)\n{\n", start, kind, apart, outcome(fn), name, takes);
        if (!states)
            add_format(out, "    (void)%s;\n    (void)%s;\n    __builtin_unreachable()", self, cx);
        else if (resumed == state)
            add_format(out, "    unsigned ac__state = %s;\n    if (ac__state == 0)\n        __builtin_unreachable();\n", state);
        if (states) {
            add(out, "    return ");
            add_call(fn, resumed == state ? "ac__state" : resumed, NULL, out);
        }
        add_format(out, ";\n}%s", end);
    }

    if (!by_type) {
        add_format(out, "%s%senum ac_poll %s__poll(%s)\n{\n", start, kind, name, takes);
        add_poll(fn, states ? NULL : "0", self, out);
        add(out, end);
        return;
    }
    /* The first poll has its code apart, so that it has no part in what a resumption costs. */
    if (states) {
        add_format(out, "%sstatic __attribute__((noinline)) enum ac_poll %s__first(%s)\n{\n", start, name, takes);
        add_poll(fn, "0", self, out);
        add(out, end);
    }
    /* What drives the future by its type is the usual caller, and finds the code without a jump. */
    add_format(out, "%sstatic %senum ac_poll %s__poll_any(void *ac__frame, struct ac_context *%s)\n{\n    %s *%s = ac__frame;\n",
               start, needs_box(fn) ? "__attribute__((noinline)) " : "", name, cx, fn->frame_type, self);
    if (states)
        add_format(out, "    if (%s == 0)\n        return %s__first(%s, %s);\n", state, name, self, cx);
    add_poll(fn, resumed, states ? NULL : self, out);
    add_format(out, "%s%s%senum ac_poll %s__poll(%s)\n{\n    return %s__poll_any(%s, %s);\n}%s", end, start, kind, name, takes,
               name, self, cx, end);
}

/* The same of one that may ask for a call: what is public hides that. */
static void add_inner_polls(const Fn *fn, const char *params, const char *start, const char *end, Buf *out)
{
    const char *name = fn->name, *self = fn->self, *comma = *params ? ", " : "";
    const char *takes = take_format(fn->tu->scratch, "%s *%s, struct ac_context *%s", fn->frame_type, self, fn->cx);
    const char *state = take_format(fn->tu->scratch, "%s->%s", self, fn->state_field->name);
    add_format(out, "%sstatic AC__UNUSED enum ac_poll %s__start_in(%s%s%s)\n{\n%s    return ", start, name, takes, comma, params,
               init_watch(fn));
    add_call(fn, "0", "", out);
    add_format(out, ";\n}%s", end);
    /* The first poll has its code apart, as with those of add_polls. */
    add_format(out, "%sstatic AC__UNUSED __attribute__((noinline)) enum ac_poll %s__first(%s)\n{\n    return ", start, name, takes);
    add_call(fn, "0", self, out);
    add_format(out, ";\n}%s", end);
    if (!has_states(fn)) {
        add_format(out, "%sstatic AC__UNUSED enum ac_poll %s__poll_in(%s)\n{\n    return %s__first(%s, %s);\n}%s", start, name, takes,
                   name, self, fn->cx, end);
    } else {
        add_format(out, "%sstatic AC__UNUSED enum ac_poll %s__poll_on(void *ac__frame, struct ac_context *%s)\n{\n    %s *%s = ac__frame;\n    return ",
                   start, name, fn->cx, fn->frame_type, self);
        add_call(fn, state, NULL, out);
        add_format(out, ";\n}%s%sstatic AC__UNUSED enum ac_poll %s__poll_in(%s)\n{\n    return %s ? %s__poll_on(%s, %s) : %s__first(%s, %s);\n}%s",
                   end, start, name, takes, state, name, self, fn->cx, name, self, fn->cx, end);
    }
    if (!needs_box(fn))
        return;
    if (has_states(fn)) {
        add_format(out, "%sstatic __attribute__((noinline)) enum ac_poll %s__first_box(%s)\n{\n", start, name, takes);
        add_format(out, "    return ac__polled(%s, %s__first(%s, %s));\n}%s", fn->cx, name, self, fn->cx, end);
    }
    /* A box is polled where there is a stack. */
    add_format(out, "%sstatic enum ac_poll %s__poll_box(void *ac__frame, struct ac_context *%s)\n{\n    %s *%s = ac__frame;\n", start,
               name, fn->cx, fn->frame_type, self);
    if (!has_states(fn)) {
        add_format(out, "    return ac__polled(%s, %s__first(%s, %s));\n}%s", fn->cx, name, self, fn->cx, end);
        return;
    }
    add_format(out, "    if (%s == 0)\n        return %s__first_box(%s, %s);\n", state, name, self, fn->cx);
    for (int i = 0; i < fn->nawaits; i++)
        if (fn->awaits[i]->boxed && fn->awaits[i]->reached)
            add_format(out, "    if (%s == %d && %s->boxes == 0)\n        __builtin_unreachable();\n", state, fn->awaits[i]->state, fn->cx);
    add_format(out, "    return ac__polled(%s, ", fn->cx);
    add_call(fn, state, NULL, out);
    add_format(out, ");\n}%s", end);
}

/* What others poll, with the stack that they may be on hidden; its poll may end in that of the innermost box. */
static void add_outer_polls(const Fn *fn, const char *params, const char *args, Buf *out)
{
    const char *name = fn->name, *self = fn->self, *cx = fn->cx, *kind = storage(fn), *comma = *params ? ", " : "";
    const char *takes = take_format(fn->tu->scratch, "%s *%s, struct ac_context *%s", fn->frame_type, self, cx);
    add_format(out, "static AC__UNUSED __attribute__((noinline)) enum ac_poll %s__poll_hidden(%s)\n{\n", name, takes);
    add_format(out, "    struct ac__boxes *ac__hidden = %s->boxes;\n    %s->boxes = 0;\n", cx, cx);
    add_format(out, "    enum ac_poll ac__said = %s__poll_in(%s, %s);\n", name, self, cx);
    add_format(out, "    %s->boxes = ac__hidden;\n    return ac__said;\n}\n", cx);
    add_format(out, "static AC__UNUSED __attribute__((noinline)) enum ac_poll %s__poll_any(void *ac__frame, struct ac_context *%s)\n{\n    %s *%s = ac__frame;\n", name, cx,
               fn->frame_type, self);
    if (!has_states(fn)) {
        add_format(out, "    return %s__poll_hidden(%s, %s);\n}\n", name, self, cx);
    } else {
        const char *state = take_format(fn->tu->scratch, "%s->%s", self, fn->state_field->name);
        add_format(out, "    if (%s->boxes != 0)\n        return %s__poll_hidden(%s, %s);\n", cx, name, self, cx);
        for (int i = 0; i < fn->nawaits && owns_boxes(fn); i++)
            if (fn->awaits[i]->boxed && fn->awaits[i]->reached)
                add_format(out, "    if (%s == %d)\n        return ac__poll_top(%s, %s->%s);\n", state, fn->awaits[i]->state, cx, self,
                           fn->awaits[i]->child->name);
        add_format(out, "    if (__builtin_expect(%s == 0, 0))\n        return %s__first(%s, %s);\n    return ", state, name, self, cx);
        add_call(fn, state, NULL, out);
        add(out, ";\n}\n");
    }
    add_format(out, "%senum ac_poll %s__poll(%s)\n{\n    return %s__poll_any(%s, %s);\n}\n", kind, name, takes, name, self, cx);
    add_format(out, "%senum ac_poll %s__start(%s%s%s)\n{\n    %s__init(%s%s);\n    return %s__poll_any(%s, %s);\n}\n", kind, name, takes,
               comma, params, name, self, args, name, self, cx);
}

/* The tasks go on, and their memory goes when they end. Nothing follows that takes one which isn't live: the program ends. */
static void give_handles_back(const Fn *fn, const Await *await, Buf *out)
{
    for (int i = 0; await->held.words && i < fn->nlocals; i++)
        if (has_bit(await->held, i) && has_bit(await->live, i) && fn->locals[i]->slot)
            add_format(out, "        ac_detach(%s->%s);\n", fn->self, slot_at(fn->locals[i], await->state)->name);
}

/* Of one that hasn't begun. */
static void give_arguments_back(const Fn *fn, Buf *out)
{
    bool some = false;
    for (int i = 0; i < fn->nparams; i++) {
        if (!is_handle(fn->params[i]) || !fn->params[i]->slot)
            continue;
        add_format(out, "%s        ac_detach(%s->%s);\n", some ? "" : "    case 0:\n", fn->self, slot_at(fn->params[i], 0)->name);
        some = true;
    }
    if (some)
        add(out, "        break;\n");
}

static void add_functions(const Fn *fn, const Decl *decl, Buf *out)
{
    Arena *arena = fn->tu->scratch;
    const char *params = params_text(fn, decl, NULL), *comma = *params ? ", " : "";
    const char *name = fn->name, *frame = fn->frame_type, *kind = storage(fn);
    const char *self = fn->self, *cx = fn->cx, *state = take_format(arena, "%s->%s", self, fn->state_field->name);
    const char *in = fn->may_call ? "_in" : "", *inner = fn->may_call ? "static AC__UNUSED " : kind;
    const char *end = take_format(arena, MARK "E%d" MARK "\n", decl->name_from);
    const char *start = line_start(fn, decl->name_from);
    Buf args = { .arena = arena };
    add(&args, "");
    add_names(fn, "", &args);

    if (is_watched(fn)) {
        add(out, start);
        define_watched(fn, decl, out);
        add_format(out, "%s%s", end, start);
        define_checked(fn, outcome(fn), body_name(fn), params, args.text, out);
        add(out, end);
    }
    add_format(out, "%s%svoid %s__init(%s *%s%s%s)\n{\n", start, kind, name, frame, self, comma, params);
    for (int i = 0; i < fn->nparams; i++) {
        if (fn->params[i]->slot)
            add_format(out, "    %s\n", fill_slot(fn, fn->params[i]));
        else
            add_format(out, "    (void)%s;\n", fn->params[i]->name);
    }
    add_format(out, "%s    %s = 0;\n}%s", init_watch(fn), state, end);

    if (fn->may_call)
        add_inner_polls(fn, params, start, end, out);
    else
        add_polls(fn, params, start, end, out);

    /* Cancelling goes the way of `return`: first the child at whose await it waits, then what the scopes owe. */
    add_format(out, "%s%senum ac_poll %s__cancel%s(%s *%s, struct ac_context *%s)\n{\n", start,
               is_watched(fn) ? "static " : inner, name, is_watched(fn) ? "_body" : in, frame, self, cx);
    if (fn->nawaits) {
        add_format(out, "    switch (%s) {\n", state);
        give_arguments_back(fn, out);
        for (int i = 0; i < fn->nawaits; i++) {
            const Await *await = fn->awaits[i];
            if (!await->reached)
                continue;
            const char *cancel = cancel_of_child(fn, await);
            Buf back = { .arena = fn->tu->scratch };
            give_handles_back(fn, await, &back);
            if (fn->has_blocks || back.size || next_owed(await->owed, NULL)) {
                if (may_say_call(await))
                    add_format(out, "    case %d: {\n        enum ac_poll ac__said = %s;\n        if (ac__said != AC_READY)\n"
                                    "            return ac__said;\n        }\n", await->state, cancel);
                else
                    add_format(out, "    case %d:\n        if (%s == AC_PENDING)\n            return AC_PENDING;\n", await->state, cancel);
                add(out, back.size ? back.text : "");
                add_owed_when_cancelled(fn, await, out);
                add_format(out, "        %s%sbreak;\n", free_blocks(fn), fn->has_blocks ? "\n        " : "");
            } else
                add_format(out, "    case %d:\n        return %s;\n", await->state, cancel);
        }
        add(out, "    }\n");
    } else {
        add_format(out, "    (void)%s;\n    (void)%s;\n", self, cx);
    }
    add_format(out, "    return AC_READY;\n}%s", end);

    if (is_watched(fn)) {
        add(out, start);
        check_cancel(fn, inner, in, out);
        add(out, end);
    }
    if (fn->may_call) {
        add(out, start);
        add_outer_polls(fn, params, args.text, out);
        hide_stack(fn, "cancel", out);
        add(out, end);
    }
    if (needs_type(fn))
        add_future_type(fn, start, end, out);
    if (needs_box(fn)) {
        add(out, start);
        define_box(fn, params, args.text, out);
        add(out, end);
    }
    if (layout_symbol(fn))
        add_format(out, "%sconst char %s = 0;%s", start, layout_symbol(fn), end);
}

static void add_spawner(const Fn *fn, const char *params, const char *word, Buf *out)
{
    const char *name = fn->name;
    add_format(out, "static AC__UNUSED ac_task__handle %s__%s(%s)\n{\n", name, word, *params ? params : "void");
    add_format(out, "    %s *ac__frame = ac_task_new(&%s__future);\n    if (ac__frame)\n        %s__init(ac__frame",
               fn->frame_type, name, name);
    add_names(fn, "", out);
    add_format(out, ");\n    return ac_task_%s(ac__frame);\n}\n", word);
}

static void add_runners(const Fn *fn, const Decl *decl, Buf *out)
{
    if (!fn->on_thread && !fn->on_pool && !fn->blocked_on)
        return;
    Arena *arena = fn->tu->scratch;
    const char *params = params_text(fn, decl, NULL);
    const char *name = fn->name, *frame = fn->frame_type;
    if (fn->on_thread)
        add_spawner(fn, params, "spawn_local", out);
    if (fn->on_pool)
        add_spawner(fn, params, "spawn", out);
    if (fn->blocked_on) {
        add_format(out, "static AC__UNUSED %s\n{\n",
                   declare(arena, fn->result, take_format(arena, "%s__block_on(%s)", name, *params ? params : "void"), true));
        Buf args = { .arena = arena };
        add(&args, "");
        add_names(fn, "", &args);
        if (!is_frame_known(fn)) {
            block_on_declared(fn, args.text, out);
        } else {
            add_format(out, "    %s ac__frame;\n    %s__init(&ac__frame%s", frame, name, args.text);
            add_format(out, ");\n    ac_block_on_future(&%s__future, &ac__frame);\n", name);
            if (fn->result->kind != TYPE_VOID)
                add(out, "    return ac__frame.result;\n");
        }
        add(out, "}\n");
    }
}

static bool is_async_word_in_header(const Fn *fn)
{
    for (int i = 0; i < fn->ndecls; i++)
        if (fn->decls[i].in_text)
            return false;
    return true;
}

/* A hand-written future that is spawned or blocked on here: what task.h needs to know of it. Or pointed to. */
static void add_leaf_type(const Fn *fn, Buf *out)
{
    Buf args = { .arena = fn->tu->scratch };
    add(&args, "");
    add_names(fn, "", &args);
    if (!fn->has_box)
        add_future_type(fn, "", "\n", out);
    add_runners(fn, NULL, out);
    if (needs_box(fn) && !fn->has_box)
        define_box(fn, params_text(fn, NULL, NULL), args.text, out);
}

/* Of functions that a plain header declares: what the text below uses. */
static void add_headers_own(const Tu *tu, int at, Buf *out)
{
    add_format(out, MARK "B%d" MARK, at);
    for (int i = 0; i < tu->nfns; i++) {
        const Fn *fn = tu->fns[i];
        bool used = fn->spawned || fn->blocked_on || fn->is_boxed;
        if (fn->is_leaf) {
            if (used && !fn->is_blocking)
                add_leaf_type(fn, out);
        } else if ((fn->body || used) && is_async_word_in_header(fn)) {
            add_prototypes(fn, NULL, out);
            if (!fn->body)
                add_runners(fn, NULL, out);
        }
    }
    add_format(out, MARK "E%d" MARK, at);
}

static void add_bounds(const Fn *fn, const Editor *editor, Buf *out)
{
    for (int i = 0; i < fn->nparams; i++)
        for (const BoundUse *use = fn->params[i]->decl ? fn->params[i]->decl->uses : NULL; use; use = use->next)
            add_bound(use->local, rendered(editor, use->local->decl->from, use->local->decl->to), out);
}

static void add_body(Fn *fn, const Decl *decl, Editor *editor, Buf *out)
{
    const char *params = params_text(fn, decl, editor), *comma = *params ? ", " : "";
    add_format(out, MARK "B%d" MARK, decl->from);
    if (owns_boxes(fn))
        add_format(out, "static AC__UNUSED enum ac_poll %s__poll_on(void *, struct ac_context *);\n", fn->name);
    add_format(out, "static %s%s %s(%s *%s, struct ac_context *%s%s%s%s", fn->labels_as_values ? "AC__ONE_BODY " : "inline ",
               outcome(fn), body_name(fn), fn->frame_type, fn->self, fn->cx, has_states(fn) ? ", unsigned " : "",
               has_states(fn) ? fn->state : "", comma);
    add_format(out, MARK "E%d" MARK, decl->params_from ? decl->params_from : decl->name_from);
    add(out, params);
    add(out, ")\n");
    add_format(out, MARK "B%d" MARK "{\n", fn->body->from);
    declare_bounds(fn, out);
    declare_box_locals(fn, out);
    if (has_states(fn)) {
        add_format(out, "    switch (%s) {\n    case 0:\n        break;\n", fn->state);
        for (int i = 0; i < fn->nawaits; i++)
            if (fn->awaits[i]->reached)
                add_format(out, "    case %d:\n        goto %s__%d;\n", fn->awaits[i]->state, fn->name, fn->awaits[i]->state);
        add(out, "    default:\n        __builtin_unreachable();\n    }\n");
    } else {
        add_format(out, "    (void)%s;\n    (void)%s;\n", fn->self, fn->cx);
    }
    for (int i = 0; i < fn->nparams; i++) {
        const Local *param = fn->params[i];
        if (!param->used)
            add_format(out, "    (void)%s;\n", param->name);
        else if (param->home == HOME_PLACED)
            add_format(out, "    %s\n", fill_slot(fn, param));
    }
    if (fn->has_blocks)
        add_format(out, "    %s->ac__blocks = 0;\n", fn->self);
    add_bounds(fn, editor, out);
    for (int i = 0; i < fn->nbounds; i++) {
        const Node *bound = fn->body->kids[i];
        add_format(out, "    (void)(%s);\n", rendered(editor, bound->from, bound->to));
    }
    /* Nothing may stand before __label__ in its block. */
    const char *text = fn->tu->source->text;
    bool labels = token_is(text, next_token(text, fn->body->from + 1, fn->body->to), "__label__");
    if (labels)
        add(out, "    {\n");
    add_format(out, MARK "E%d" MARK, fn->body->from + 1);
    render(editor, fn->body->from + 1, fn->body->to - 1, out);
    add_format(out, MARK "B%d" MARK, fn->body->to - 1);
    if (labels)
        add(out, "}\n");
    const Node *last = fn->body->nkids ? fn->body->kids[fn->body->nkids - 1] : NULL;
    bool falls_out = !last || last->kind != N_RETURN;
    if (falls_out && fn->is_main && fn->result->kind != TYPE_VOID)
        add_format(out, "%s->result = 0; ", fn->self);
    if (falls_out)
        add_format(out, "%sreturn %s;\n", free_blocks(fn), leaving(fn, "AC_READY", NULL));
    add_format(out, "}" MARK "E%d" MARK "\n", fn->body->to - 1);
}

/* ---- the file ------------------------------------------------------------------------------------------------ */

typedef struct Piece {
    Fn *fn;
    const Decl *decl;
} Piece;

static int by_place(const void *a, const void *b)
{
    const Piece *x = a, *y = b;
    return x->decl->from < y->decl->from ? -1 : x->decl->from > y->decl->from;
}

static void choose_names(Fn *fn)
{
    static const char *const names[] = { "self", "cx", "state" };
    const char **chosen[] = { &fn->self, &fn->cx, &fn->state };
    for (int i = 0; i < 3; i++) {
        bool taken = fn->uses_name[i] || fn->tu->macro_name[i] || !strcmp(fn->name, names[i]);
        *chosen[i] = taken ? take_format(fn->tu->arena, "%s__%s", fn->name, names[i]) : names[i];
    }
}

void name_parameters(Tu *tu)
{
    for (int i = 0; i < tu->nfns; i++)
        choose_names(tu->fns[i]);
}

static void add_main(const Fn *fn, Buf *out)
{
    add_format(out, "\nint main(%s)\n{\n", fn->nparams == 0 ? "void" : params_text(fn, NULL, NULL));
    add_format(out, "    %s ac__frame;\n    main__init(&ac__frame", fn->frame_type);
    add_names(fn, "", out);
    add(out, ");\n    ac_block_on_future(&main__future, &ac__frame);\n    return ");
    add(out, fn->result->kind == TYPE_VOID ? "0;\n}\n" : "ac__frame.result;\n}\n");
}

static void add_plain(const Editor *editor, const Source *source, int from, int to, Buf *out)
{
    if (editor)
        render(editor, from, to, out);
    else
        add_bytes(out, source->text + from, (size_t)(to - from));
}

static void flush(Printer *printer, Buf *text)
{
    if (text->size)
        print_text(printer, text->text);
    text->size = 0;
}

bool emit_c(Tu *tu)
{
    const Source *source = tu->source;
    Piece *pieces = NULL;
    int npieces = 0, room = 0;
    bool runs = tu->has_main, keeps = false, boxes = tu->has_boxes;
    for (int i = 0; i < tu->nfns; i++) {
        Fn *fn = tu->fns[i];
        for (int k = 0; k < fn->ndecls; k++)
            if (fn->decls[k].in_text && !(fn->is_leaf && source->text[fn->decls[k].from] == 'A'))
                *push(tu->arena, pieces, npieces, room) = (Piece){ fn, &fn->decls[k] };
        runs |= fn->spawned || fn->blocked_on;
        for (int k = 0; k < fn->nlocals; k++)
            keeps |= fn->locals[k]->type->variable_size;
        keeps |= fn->has_blocks;
        for (int k = 0; k < count_calls(fn); k++) {
            const Await *await = call_of(fn, k);
            Fn *callee = await->callee;
            runs |= !callee;
            if (callee && fn->body && callee->body && (await->boxed || callee->body->from > fn->body->from))
                callee->is_awaited_early = true;
            if (callee)
                callee->is_awaited = true;
            if (callee && await->node->kind == N_AWAIT && !await->node->discarded && !await->nfutures)
                callee->gives_value = can_give_value(callee);
        }
        fn->is_awaited_early |= fn->is_mentioned;
        boxes |= needs_box(fn) || fn->may_call;
    }
    if (npieces)
        qsort(pieces, (size_t)npieces, sizeof *pieces, by_place);

    Editor *plain = NULL; /* for what stands outside of async functions, if any of it is edited */
    int first_use = tu->first_use;
    for (int i = 0, at = 0; i <= npieces; i++) {
        const Decl *decl = i < npieces ? pieces[i].decl : NULL;
        if (!plain && has_pointers(tu, at, decl ? decl->from : source->size)) {
            plain = new_editor(tu->arena, source, 0, source->size);
            edit_pointers(tu, plain);
        }
        if (!decl)
            break;
        at = decl->is_definition ? pieces[i].fn->body->to : decl->to;
        if (decl->is_definition && (first_use < 0 || decl->from < first_use))
            first_use = decl->from;
    }
    for (int i = 0; i < tu->noutside; i++) {
        const Node *node = tu->outside[i];
        if (!node->callee)
            continue;
        if (!plain) {
            plain = new_editor(tu->arena, source, 0, source->size);
            edit_pointers(tu, plain);
        }
        if (node->through_pointer) {
            if (node->kind == N_SPAWN)
                spawn_pointer(plain, node);
            else
                block_on_pointer(plain, node);
            continue;
        }
        replace_text(plain, node->from, node->name_to,
                     take_format(tu->arena, "%s__%s", node->callee->name, runner_of(node)));
        replace_text(plain, node->args_to + 1, node->to, "");
    }

    /* One function at a time: what its edits took is released with its text. */
    bool good = name_file_tags(tu, &plain);
    Buf text = { .arena = tu->arena };
    tu->out.size = 0;
    /* Small functions become some thirty times their text. What isn't used costs nothing. */
    size_t room_of_small = 40 * (size_t)source->size, most = (size_t)256 << 20;
    reserve(&tu->out, room_of_small < most ? room_of_small : most);
    Printer printer = { .source = source, .out = &tu->out, .lines = !tu->options->no_lines, .fresh = true };
    add_format(&text, "/* Made by asyncc from %s. */\n#include <ac/%s.h>\n", tu->main_file->path, runs ? "task" : "future");
    if (keeps)
        add(&text, "#include <ac/memory.h>\n");
    if (boxes)
        add(&text, "#include <ac/boxes.h>\n");
    if (tu->options->debug)
        add(&text, "#include <ac/watch.h>\n");
    add_format(&text, "_Static_assert(AC__ABI == %d, \"asyncc made this for another version of ac/future.h\");\n", AC__ABI);
    add(&text, MARK "S0" MARK);
    int copied = 0, packed_from = find_pack(source);
    bool leaves_done = false;
    for (int i = 0; i < npieces; i++) {
        Fn *fn = pieces[i].fn;
        const Decl *decl = pieces[i].decl;
        if (!leaves_done && first_use >= 0 && decl->from >= first_use) {
            leaves_done = true;
            add_plain(plain, source, copied, first_use, &text);
            add_headers_own(tu, first_use, &text);
            copied = first_use;
        }
        add_plain(plain, source, copied, decl->from, &text);
        flush(&printer, &text);
        copied = decl->is_definition ? fn->body->to : decl->to;
        if (fn->is_leaf) {
            if (fn->is_blocking && (fn->spawned || fn->blocked_on || fn->is_boxed)) {
                add_format(&text, MARK "B%d" MARK, decl->from);
                add_leaf_type(fn, &text);
                add_format(&text, MARK "E%d" MARK, copied);
            }
            add_format(&text, MARK "S%d" MARK, copied);
            continue;
        }
        bool first = decl == &fn->decls[0];
        if (first && fn->gives_value)
            add_ready(fn, decl->from, &text);
        bool unseen = fn->is_static && !fn->spawned && !fn->blocked_on && !fn->is_awaited_early;
        if (!decl->is_definition || (first && !unseen)) {
            add_format(&text, MARK "B%d" MARK, decl->from);
            add_prototypes(fn, decl, &text);
            if (first && !fn->body) /* the parameters have the names of the last */
                add_runners(fn, &fn->decls[fn->ndecls - 1], &text);
            add_format(&text, MARK "E%d" MARK, decl->is_definition ? decl->from : copied);
        }
        if (!decl->is_definition)
            continue;
        for (int k = 0; k < fn->nouter_tags; k++)
            add_outer_tag(fn->outer_tags[k], &text);
        add_frame(fn, decl->from > packed_from, &text);
        add_drivers(fn, line_start(fn, decl->name_from), take_format(tu->arena, MARK "E%d" MARK "\n", decl->name_from), &text);
        /* A body that can't have the function's own name says it all the same. */
        bool renamed = fn->shows_name && strcmp(body_name(fn), fn->name) != 0;
        static const char *const shown[] = { "__func__", "__FUNCTION__", "__PRETTY_FUNCTION__" };
        if (renamed) /* an array, as __func__ is */
            add_format(&text, "static const char AC__UNUSED %s__name[] = \"%s\";\n", fn->name, fn->name);
        for (int k = 0; renamed && k < 3; k++)
            add_format(&text, "#define %s %s__name\n", shown[k], fn->name);
        Editor *editor = new_editor(tu->scratch, source, decl->from, fn->body->to);
        good &= lower_body(fn, editor); /* else: on, to ask for all expansions at once */
        add_body(fn, decl, editor, &text);
        for (int k = 0; renamed && k < 3; k++)
            add_format(&text, "#undef %s\n", shown[k]);
        /* What follows names parameters whose names may be macros from some place in the body on. */
        for (int k = 0; k < fn->nparams; k++)
            if (fn->params[k]->is_macro)
                add_format(&text, "#pragma push_macro(\"%s\")\n#undef %s\n", fn->params[k]->name, fn->params[k]->name);
        add_functions(fn, decl, &text);
        add_format(&text, MARK "B%d" MARK, decl->name_from);
        add_runners(fn, decl, &text);
        for (int k = fn->nparams; k-- > 0;)
            if (fn->params[k]->is_macro)
                add_format(&text, "\n#pragma pop_macro(\"%s\")\n", fn->params[k]->name);
        add_format(&text, MARK "E%d" MARK, copied);
        flush(&printer, &text);
        empty_arena(tu->scratch);
    }
    if (!good)
        return false;
    if (!leaves_done && first_use >= 0) {
        add_plain(plain, source, copied, first_use, &text);
        add_headers_own(tu, first_use, &text);
        copied = first_use;
    }
    add_plain(plain, source, copied, source->size, &text);
    for (int i = 0; i < tu->nfns; i++)
        if (tu->fns[i]->is_main && tu->fns[i]->body)
            add_main(tu->fns[i], &text);
    if (text.size && text.text[text.size - 1] != '\n')
        add(&text, "\n");
    add_places(tu, has_descriptor, &text);

    flush(&printer, &text);
    return true;
}
