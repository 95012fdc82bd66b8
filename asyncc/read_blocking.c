/* read_blocking.c - ac_spawn_blocking(fn, argument): a future by hand for each function that is called so.
 *
 *     int n = await ac_spawn_blocking(count, path);
 *
 * To clang that is a call of count, in a shape that this file knows (ac/blocking.h). Before the next parse it becomes
 *
 *     struct count__blocking__frame { struct ac_run_blocking__frame call; const char *argument; int result; };
 *     static void count__blocking__run(void *frame) { .. self->result = count(self->argument); }
 *     ..
 *     async int count__blocking(const char *argument) AC_FRAME(struct count__blocking__frame);
 *
 *     int n = await count__blocking(path);
 *
 * and from there on is a leaf like any other. Of what isn't the name of a function at file level it is ac_blocking__1,
 * one for each type of function, whose first parameter is the pointer. Uses are replaced all at once, and what they
 * need stands before the first function of the text that has one, so that it is there for those that only a later
 * parse shows. */
#include "read.h"
#include <string.h>

static const char word[] = "ac_spawn_blocking", made_end[] = "__blocking", made_start[] = "ac_blocking__";

/* What was made for some function in this round. */
typedef struct Made {
    const char *name;
    CXCursor decl;  /* the function; null for a pointer */
    CXType pointer; /* else of what type                */
} Made;

typedef struct Pass {
    Reader *r;
    const Kids *functions;
    bool is_async; /* the one that is looked through */
    int first_at;  /* where the first declaration begins in whose text the word stands, or -1 */
    int *done;     /* places that have been dealt with */
    int ndone, room;
    Made *made;
    int nmade, made_room;
} Pass;

static bool is_word(const Tu *tu, int at, const char *name)
{
    int size = (int)strlen(name);
    return word_at(tu, at, name) && !is_name_char(tu->source->text[at + size]) && (at == 0 || !is_name_char(tu->source->text[at - 1]));
}

const char *called_by_blocking(Reader *r, const char *name)
{
    if (!strncmp(name, made_start, sizeof made_start - 1))
        return "";
    const char *end = NULL;
    for (const char *at = name; (at = strstr(at, made_end)); at++)
        end = at;
    return end ? take_text(r->arena, name, (size_t)(end - name)) : NULL;
}

static bool is_parsed_blocking(CXCursor c)
{
    if (clang_getCursorKind(c) != CXCursor_CallExpr)
        return false;
    CXString name = clang_getCursorSpelling(c);
    bool is = !strcmp(clang_getCString(name), "ac__parse_blocking");
    clang_disposeString(name);
    return is;
}

bool is_refused_blocking(Reader *r, CXCursor c)
{
    for (c = core(r, c); !clang_Cursor_isNull(c); c = core(r, only_expr(children(r, c)))) {
        if (is_parsed_blocking(c))
            return r->left_blocking = true;
        enum CXCursorKind kind = clang_getCursorKind(c);
        if (kind != CXCursor_UnaryOperator && kind != CXCursor_CStyleCastExpr)
            return false;
    }
    return false;
}

/* ---- where it stands ---- */

/* Before what is spelled at an offset: the word, or -1. */
static int word_before(const Tu *tu, int at)
{
    const char *text = tu->source->text;
    bool opened = false;
    for (; at > 0 && strchr("( \t\n", text[at - 1]); at--)
        opened |= text[at - 1] == '(';
    at -= (int)sizeof word - 1;
    return opened && at >= 0 && is_word(tu, at, word) ? at : -1;
}

static int count_words(const Tu *tu, int from, int to)
{
    int n = 0;
    for (; from < to; from++)
        n += is_word(tu, from, word);
    return n;
}

/* Whether a name of [from, to) is one of the runtime's macros that asyncc takes off, too. */
static bool is_runner(const Tu *tu, int from)
{
    return is_word(tu, from, word) || is_word(tu, from, "ac_spawn") || is_word(tu, from, "ac_spawn_local") ||
           is_word(tu, from, "ac_block_on");
}

/* The offset of the word; -1 after asking for an expansion, or a report. */
static int find_place(Pass *pass, CXCursor use, CXCursor called)
{
    Reader *r = pass->r;
    Tu *tu = r->tu;
    CXSourceLocation start = clang_getRangeStart(clang_getCursorExtent(core(r, called)));
    int from = is_spelled(r, start) ? word_before(tu, offset_of(r, start)) : -1;
    int at = from >= 0 ? from : offset_of(r, clang_getCursorLocation(use));
    const Change *call = at >= 0 ? find_call(tu, at) : NULL;
    if (from >= 0 && (!call || !pass->is_async || is_runner(tu, call->from)))
        return from;
    if (call && is_word(tu, call->from, word) && count_words(tu, call->from, call->to) == 1)
        return call->from;
    if (call && pass->is_async && !is_word(tu, call->from, word)) {
        ask_expansion(tu, at);
        return -1;
    }
    if (at >= 0)
        report(tu, ERROR, call ? call->from : at, call ? call->to : at + 1,
               call && is_word(tu, call->from, word) ? "ac_spawn_blocking of what a macro names, among the arguments of another, is not supported yet"
                                                     : "ac_spawn_blocking in a macro, outside of an async function, is not supported yet");
    return -1;
}

/* Of what stands from an open bracket on: the first comma between no others, or -1. */
static int find_comma(const char *text, int open, int close)
{
    for (Token t = next_token(text, open + 1, close); t.kind != T_END; t = next_token(text, t.to, close)) {
        if (token_is(text, t, ","))
            return t.from;
        if (token_is(text, t, "(")) {
            int end = find_closing(text, t.from, close);
            if (end < 0)
                return -1;
            t.to = end + 1;
        }
    }
    return -1;
}

/* ---- what it calls ---- */

static CXType function_of(CXType type)
{
    type = clang_getCanonicalType(type);
    return type.kind == CXType_Pointer ? clang_getCanonicalType(clang_getPointeeType(type)) : type;
}

/* The function at file level that an expression names, with a declaration before an offset of the text; or null. */
static CXCursor named_function(Pass *pass, CXCursor called, int before)
{
    Reader *r = pass->r;
    CXCursor none = clang_getNullCursor(), c = core(r, called);
    if (clang_getCursorKind(c) != CXCursor_DeclRefExpr)
        return none;
    CXCursor decl = clang_getCursorReferenced(c), first = clang_getCanonicalCursor(decl);
    if (clang_getCursorKind(decl) != CXCursor_FunctionDecl)
        return none;
    if (clang_getCursorKind(clang_getCursorLexicalParent(first)) == CXCursor_FunctionDecl ||
        offset_of(r, clang_getCursorLocation(first)) >= before)
        return none;
    return decl;
}

/* Whether a function that has been named is declared before another offset, as it is before `before`. */
static bool is_declared_there(Pass *pass, CXCursor decl, int at, int before)
{
    Reader *r = pass->r;
    CXCursor first = clang_getCanonicalCursor(decl);
    int from = offset_of(r, clang_getCursorLocation(first));
    if (from >= 0)
        return from < at;
    const char *text = r->tu->source->text; /* in a header: perhaps of an #include between the two */
    for (Token line = next_directive(text, at, before); line.kind != T_END; line = next_directive(text, line.to, before))
        if (token_is(text, next_token(text, line.from + 1, line.to), "include"))
            return false;
    return true;
}

static bool is_async_function(Reader *r, CXCursor decl)
{
    if (is_async(decl))
        return true;
    int from = offset_of(r, clang_getRangeStart(clang_getCursorExtent(decl))), at = offset_of(r, clang_getCursorLocation(decl));
    return from >= 0 && find_async(r->tu, from, at) >= 0;
}

/* Why a type can't stand at file level, or go to another thread; null if it can. */
static const char *find_fault(CXType type)
{
    type = clang_getCanonicalType(type);
    switch (type.kind) {
    case CXType_Pointer: {
        CXType target = clang_getPointeeType(type);
        unsigned space = clang_getAddressSpace(target);
        if (space == TASK_SPACE || space == FUTURE_SPACE)
            return "belongs to the thread that runs the task";
        return find_fault(target);
    }
    case CXType_ConstantArray:
    case CXType_IncompleteArray:
    case CXType_Vector:
        return find_fault(clang_getElementType(type));
    case CXType_VariableArray:
        return "is variably modified";
    case CXType_FunctionProto:
    case CXType_FunctionNoProto: {
        if (clang_getFunctionTypeCallingConv(type) == CXCallingConv_PreserveMost)
            return "is that of an async function";
        const char *fault = find_fault(clang_getResultType(type));
        for (int i = 0; !fault && i < clang_getNumArgTypes(type); i++)
            fault = find_fault(clang_getArgType(type, (unsigned)i));
        return fault;
    }
    case CXType_Atomic:
        return find_fault(clang_Type_getValueType(type));
    case CXType_Complex:
        return NULL;
    case CXType_Record:
    case CXType_Enum: {
        CXString name = clang_getTypeSpelling(type);
        const char *text = clang_getCString(name);
        const char *fault = strstr(text, "(unnamed ") || strstr(text, "(anonymous ")          ? "has no name"
                            : strstr(text, "__va_list")                                       ? "is a list of the caller's arguments"
                            : is_function_local(clang_getTypeDeclaration(type)) ? "is declared in a function"
                                                                                              : NULL;
        clang_disposeString(name);
        return fault;
    }
    default:
        return NULL;
    }
}

/* False after a report. */
static bool check_callee(Pass *pass, CXCursor called, int from, int to)
{
    Tu *tu = pass->r->tu;
    CXCursor direct = core(pass->r, called);
    CXType function = function_of(clang_getCursorType(called));
    bool by_name = clang_getCursorKind(direct) == CXCursor_DeclRefExpr;
    const char *name = by_name ? copy_string(pass->r, clang_getCursorSpelling(direct)) : "what is called";
    const char *q = by_name ? "'" : "";
    CXCursor decl = by_name ? clang_getCursorReferenced(direct) : clang_getNullCursor();
    bool is_function = clang_getCursorKind(decl) == CXCursor_FunctionDecl;
    if (is_async_pointer(clang_getCursorType(called)) || (is_function && is_async_function(pass->r, decl))) {
        report(tu, ERROR, from, to, "ac_spawn_blocking calls plain functions, and %s%s%s is async", q, name, q);
        note(tu, -1, -1, "await it, or give its call to ac_spawn");
        return false;
    }
    if (function.kind == CXType_FunctionNoProto) {
        report(tu, ERROR, from, to, "ac_spawn_blocking needs a function with a prototype, and %s%s%s has none", q, name, q);
        return false;
    }
    if (function.kind != CXType_FunctionProto)
        return false; /* clang has said why */
    if (is_function && know(pass->r, decl)->what == KNOWN_REFUSED) {
        report(tu, ERROR, from, to, "'%s' can't be called on another thread: what it remembers is its caller's", name);
        return false;
    }
    if (clang_isFunctionTypeVariadic(function) || clang_getNumArgTypes(function) != 1) {
        report(tu, ERROR, from, to, "ac_spawn_blocking calls functions of one parameter, and %s%s%s is variadic", q, name, q);
        return false;
    }
    CXType types[] = { clang_getResultType(function), clang_getArgType(function, 0) };
    for (int i = 0; i < 2; i++) {
        const char *fault = find_fault(types[i]);
        if (!fault)
            continue;
        report(tu, ERROR, from, to, "the %s of %s%s%s can't go from thread to thread: its type %s", i ? "argument" : "result", q, name, q,
               fault);
        return false;
    }
    return true;
}

/* ---- what is made ---- */

/* A name that asyncc makes. 1: it was made, before the offset; 2: it was made behind it; -1: it is the program's. */
static int find_made(Pass *pass, const char *name, int before, CXCursor *decl)
{
    Reader *r = pass->r;
    for (int i = 0; i < pass->nmade; i++)
        if (!strcmp(pass->made[i].name, name))
            return 1;
    size_t size = strlen(name);
    int found = 0;
    for (int i = 0; i < r->ntaken; i++) {
        const Taken *taken = &r->taken[i];
        if (strncmp(taken->name, name, size) != 0 || (taken->name[size] && strncmp(taken->name + size, "__", 2) != 0))
            continue;
        if (taken->name[size] && taken->name[size + 2] >= '0' && taken->name[size + 2] <= '9')
            continue; /* another one's */
        if (taken->from < 0 || !is_made_text(r->tu->source, taken->from))
            return -1;
        found = found == 1 || taken->from < before ? 1 : 2;
    }
    for (int i = 0; found && i < pass->functions->n; i++) {
        CXString spelled = clang_getCursorSpelling(pass->functions->v[i]);
        if (!strcmp(clang_getCString(spelled), name))
            *decl = pass->functions->v[i];
        clang_disposeString(spelled);
    }
    return found;
}

/* A name of ours for a parameter or a member, where that is no macro of the program's. */
static const char *free_name(Pass *pass, const char *name, const char *function, int at)
{
    bool taken = find_macro(pass->r->tu, name, at) || !strcmp(name, function);
    return taken ? take_format(pass->r->arena, "ac__%s", name) : name;
}

/* All on one line where #line tells where it is; else it is laid out to be read. */
static void add_line(Pass *pass, Buf *out, int depth, const char *format, ...)
{
    va_list args;
    bool lines = !pass->r->tu->options->no_lines;
    for (int i = 0; i < depth && !lines; i++)
        add(out, "    ");
    va_start(args, format);
    add_va(out, format, args);
    va_end(args);
    add(out, lines ? " " : "\n");
}

/* `to = value;` also where a const member forbids it. */
static void add_store(Pass *pass, Buf *out, const Type *type, const char *to, const char *value)
{
    if (!type->has_const)
        add_line(pass, out, 1, "%s = %s;", to, value);
    else
        add_line(pass, out, 1, "__builtin_memcpy(&%s, (%s){ %s }, sizeof %s);", to, declare(pass->r->arena, type, "[1]", true), value, to);
}

static void add_future(Pass *pass, Buf *out, const char *name, CXCursor decl, CXType pointer, CXType function, int at)
{
    Reader *r = pass->r;
    Arena *arena = r->arena;
    bool by_pointer = clang_Cursor_isNull(decl);
    const char *plain = by_pointer ? "" : copy_string(r, clang_getCursorSpelling(decl));
    const char *self = free_name(pass, "self", plain, at), *cx = free_name(pass, "cx", plain, at);
    const char *argument = free_name(pass, "argument", plain, at), *call = free_name(pass, "call", plain, at);
    const char *to_call = free_name(pass, "function", plain, at), *frame = free_name(pass, "frame", plain, at);
    CXType result_type = clang_getUnqualifiedType(clang_getResultType(function)), arg_type = clang_getArgType(function, 0);
    if (clang_getCanonicalType(arg_type).kind != clang_getArgType(clang_getCanonicalType(function), 0).kind)
        arg_type = clang_getArgType(clang_getCanonicalType(function), 0); /* written as an array */
    if (clang_getCanonicalType(result_type).kind == CXType_Void)
        result_type = clang_getCanonicalType(result_type);
    const Type *result = type_of(r, result_type), *arg = type_of(r, arg_type);
    bool is_void = result->kind == TYPE_VOID;
    const char *given = declare(arena, arg, argument, true);
    const char *param = by_pointer ? declare(arena, type_of(r, pointer), to_call, true) : NULL;
    const char *lends = by_pointer ? NULL : find_lends(r, decl);
    const char *lent = lends && lends[0] == 'n' ? "AC_NOESCAPE " : "";
    const char *params = by_pointer ? take_format(arena, "%s, %s", param, given) : given;

    add_line(pass, out, 0, "struct %s__frame {", name);
    add_line(pass, out, 1, "struct ac_run_blocking__frame %s;", call);
    if (by_pointer)
        add_line(pass, out, 1, "%s;", param);
    add_line(pass, out, 1, "%s;", given);
    if (!is_void)
        add_line(pass, out, 1, "%s;", declare(arena, result, "result", true));
    add_line(pass, out, 0, "};");

    add_line(pass, out, 0, "static void %s__run(void *%s)", name, frame);
    add_line(pass, out, 0, "{");
    add_line(pass, out, 1, "struct %s__frame *%s = %s;", name, self, frame);
    const char *called = by_pointer ? take_format(arena, "%s->%s", self, to_call)
                                    : find_macro(r->tu, plain, at) ? take_format(arena, "(%s)", plain) : plain;
    const char *value = take_format(arena, "%s(%s->%s)", called, self, argument);
    if (is_void)
        add_line(pass, out, 1, "%s;", value);
    else
        add_store(pass, out, result, take_format(arena, "%s->result", self), value);
    add_line(pass, out, 0, "}");

    add_line(pass, out, 0, "static AC__UNUSED void %s__init(struct %s__frame *%s, %s)", name, name, self, params);
    add_line(pass, out, 0, "{");
    add_line(pass, out, 1, "ac_run_blocking__init(&%s->%s, %s__run, 0);", self, call, name);
    if (by_pointer)
        add_line(pass, out, 1, "%s->%s = %s;", self, to_call, to_call);
    add_store(pass, out, arg, take_format(arena, "%s->%s", self, argument), argument);
    add_line(pass, out, 0, "}");
    add_line(pass, out, 0, "static AC__UNUSED enum ac_poll %s__poll(struct %s__frame *%s, struct ac_context *%s)", name, name, self, cx);
    add_line(pass, out, 0, "{");
    add_line(pass, out, 1, "return ac_run_blocking__drive(&%s->%s, %s, %s);", self, call, cx, self);
    add_line(pass, out, 0, "}");
    add_line(pass, out, 0, "static AC__UNUSED enum ac_poll %s__cancel(struct %s__frame *%s, struct ac_context *%s)", name, name, self, cx);
    add_line(pass, out, 0, "{");
    add_line(pass, out, 1, "return ac_run_blocking__cancel(&%s->%s, %s);", self, call, cx);
    add_line(pass, out, 0, "}");
    /* Last, and with the word: what needs to know its type is put here, and the declaration itself is left out. */
    const char *shown = is_void ? "void" : declare(arena, result, "", true);
    if (!is_void && *result->bare_after)
        shown = take_format(arena, "__typeof__(%s)", shown);
    add_line(pass, out, 0, "async %s %s(%s%s) AC_FRAME(struct %s__frame);", shown, name, by_pointer ? "" : lent, params, name);
}

/* The name of the future's function, or null after a report. */
static const char *make_future(Pass *pass, CXCursor decl, CXType pointer, CXType function, int from, int to)
{
    Reader *r = pass->r;
    bool by_pointer = clang_Cursor_isNull(decl);
    const char *stem = by_pointer ? NULL : take_format(r->arena, "%s%s", copy_string(r, clang_getCursorSpelling(decl)), made_end);
    for (int i = 0; by_pointer && i < pass->nmade; i++)
        if (clang_Cursor_isNull(pass->made[i].decl) && clang_equalTypes(pass->made[i].pointer, pointer))
            return pass->made[i].name;
    for (int i = 1;; i++) {
        const char *name = by_pointer ? take_format(r->arena, "%s%d", made_start, i) : i == 1 ? stem : take_format(r->arena, "%s__%d", stem, i);
        CXCursor made = clang_getNullCursor();
        int found = find_made(pass, name, r->top_at, &made);
        if (found < 0) {
            report(r->tu, ERROR, from, to, "'%s', which the program declares, clashes with a name that asyncc makes for this", name);
            return NULL;
        }
        if (found == 1 && !by_pointer)
            return name;
        if (found == 1 && !clang_Cursor_isNull(made) &&
            clang_equalTypes(clang_getCanonicalType(clang_getArgType(clang_getCursorType(made), 0)), pointer))
            return name;
        if (found)
            continue;
        int at = r->top_at;
        if (pass->first_at >= 0 && pass->first_at < at && !by_pointer && is_declared_there(pass, decl, pass->first_at, at))
            at = pass->first_at;
        Buf text = { .arena = r->arena };
        add_future(pass, &text, name, decl, pointer, function, at);
        ask_insert(r->tu, at, text.text);
        *push(r->arena, pass->made, pass->nmade, pass->made_room) = (Made){ name, decl, pointer };
        return name;
    }
}

static void replace_use(Pass *pass, CXCursor use)
{
    Reader *r = pass->r;
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    Kids kids = children(r, use);
    CXCursor call = find_parsed_call(r, kids);
    if (clang_getCursorKind(call) != CXCursor_CallExpr)
        return; /* clang has said why */
    Kids parts = children(r, call);
    CXCursor called = parts.v[0];
    int from = find_place(pass, use, called);
    for (int i = 0; i < pass->ndone; i++)
        if (pass->done[i] == from)
            return;
    if (from < 0)
        return;
    *push(r->arena, pass->done, pass->ndone, pass->room) = from;
    int name_to = from + (int)sizeof word - 1, open = skip_blank(text, name_to, tu->source->size);
    int close = text[open] == '(' ? find_closing(text, open, tu->source->size) : -1;
    int comma = close < 0 ? -1 : find_comma(text, open, close);
    if (comma < 0) {
        report(tu, ERROR, from, name_to, "ac_spawn_blocking takes a function and an argument, both in its parentheses");
        return;
    }
    if (!check_callee(pass, called, from, close + 1))
        return;
    CXCursor decl = named_function(pass, called, r->top_at);
    bool by_pointer = clang_Cursor_isNull(decl);
    CXType type = clang_getCursorType(called);
    if (clang_getCanonicalType(type).kind != CXType_Pointer)
        type = clang_getCursorType(core(r, called));
    CXType pointer = clang_getCanonicalType(clang_getCursorType(called));
    const char *name = make_future(pass, decl, pointer, by_pointer ? function_of(type) : clang_getCursorType(decl), from, close + 1);
    if (!name)
        return;
    if (by_pointer) {
        *push(tu->arena, tu->inserts, tu->ninserts, tu->inserts_room) = (Change){ from, name_to, name };
        return;
    }
    Buf head = { .arena = r->arena };
    add_format(&head, "%s(", name);
    int to = comma + 1;
    while (text[to] == ' ')
        to++;
    for (int i = from; i < to; i++)
        if (text[i] == '\n')
            add(&head, "\n");
    *push(tu->arena, tu->inserts, tu->ninserts, tu->inserts_room) = (Change){ from, to, head.text };
}

static enum CXChildVisitResult visit_use(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    if (is_parsed_blocking(c))
        replace_use(data, c);
    return CXChildVisit_Recurse;
}

/* What stands where no function or variable is defined: `typedef typeof(ac_spawn_blocking(f, 1)) t;` */
void check_blocking_words(Reader *r)
{
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    if (!strstr(text, word))
        return;
    for (Token t = next_token(text, 0, tu->source->size); t.kind != T_END; t = next_token(text, t.to, tu->source->size)) {
        if (t.kind != T_NAME || !token_is(text, t, word) || is_skipped(tu, t.from))
            continue;
        const Change *call = find_call(tu, t.from); /* another macro may leave it out */
        if (call && call->from == t.from)
            report(tu, ERROR, t.from, t.to, "ac_spawn_blocking can't stand here");
    }
}

void replace_blocking(Reader *r, Kids functions)
{
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    Pass pass = { .r = r, .functions = &functions, .first_at = -1 };
    int first = 0; /* the first use that can be seen in the text */
    for (Token t = next_token(text, 0, tu->source->size);; t = next_token(text, t.to, tu->source->size)) {
        first = t.kind == T_END ? tu->source->size : t.from;
        if (t.kind == T_END || (t.kind == T_NAME && token_is(text, t, word) && !is_skipped(tu, t.from)))
            break;
    }
    find_macros(tu);
    for (int i = 0; i < functions.n && pass.first_at < 0; i++)
        if (end_of(r, functions.v[i]) > first)
            pass.first_at = top_offset(r, functions.v[i]);
    for (int i = 0; i < functions.n; i++) {
        r->top_at = top_offset(r, functions.v[i]);
        pass.is_async = is_async_function(r, functions.v[i]);
        clang_visitChildren(functions.v[i], visit_use, &pass);
    }
    forget_types(r);
    if (tu->nhard)
        tu->ninserts = 0; /* then all of them together */
}
