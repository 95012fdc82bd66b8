/* read_fn.c - async functions: their declarations in the text, attributes, parameters, bodies. */
#include "read.h"
#include <stdlib.h>
#include <string.h>

/* The names of attributes that mean the same on a poll function, or nothing there. The others are
 * refused: const, pure, noreturn or malloc on a poll would miscompile. */
static bool is_harmless_attribute(const char *name, size_t size)
{
    static const char *const harmless[] = {
        "unused",    "maybe_unused", "deprecated", "warn_unused_result", "nodiscard", "noinline",
        "cold",      "hot",          "nonnull",    "access",             "annotate",  "preserve_most",
        "no_sanitize", "used",       "always_inline", "flatten",         "artificial", "nothrow",
    };
    while (size > 4 && !strncmp(name, "__", 2) && !strncmp(name + size - 2, "__", 2))
        name += 2, size -= 4;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strlen(harmless[i]) == size && !memcmp(name, harmless[i], size))
            return true;
    return false;
}

/* The first word of an attribute as it was written, wherever that is. */
static const char *attribute_name(Reader *r, CXCursor c)
{
    CXFile file;
    unsigned at;
    clang_getSpellingLocation(clang_getRangeStart(clang_getCursorExtent(c)), &file, NULL, NULL, &at);
    size_t size = 0;
    const char *text = file ? clang_getFileContents(r->unit, file, &size) : NULL;
    if (!text || at >= size)
        return "annotate";
    size_t end = at;
    while (end < size && (text[end] == '_' || (text[end] | 32) - 'a' + 0u < 26u || text[end] - '0' + 0u < 10u))
        end++;
    const char *name = take_text(r->arena, text + at, end - at);
    if (!strcmp(name, "__asy") || !strcmp(name, "AC_FRAME") || !strcmp(name, "AC_BOXED") || !*name)
        return "annotate";
    return name;
}

typedef struct Head {
    Reader *r;
    CXCursor body;
    bool has_body;
    const char *frame;
    CXCursor most; /* AC_FRAME_MAX's attribute */
    bool has_most;
    CXCursor used; /* AC_FRAME_USED's */
    bool has_used;
    bool boxed, weak;
    Kids params;
    const char *bad_attribute;
    bool is_noinline, has_visibility;
} Head;

static enum CXChildVisitResult visit_head(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Head *head = data;
    enum CXCursorKind kind = clang_getCursorKind(c);
    if (kind == CXCursor_CompoundStmt) {
        head->body = c;
        head->has_body = true;
    } else if (kind == CXCursor_ParmDecl) {
        *push(head->r->arena, head->params.v, head->params.n, head->params.room) = c;
    } else if (kind == CXCursor_AnnotateAttr) {
        const char *text = copy_string(head->r, clang_getCursorSpelling(c));
        if (!strncmp(text, "ac_frame:", 9))
            head->frame = text + 9;
        if (!strcmp(text, "ac_frame_max"))
            head->most = c, head->has_most = true;
        if (!strcmp(text, "ac_frame_used"))
            head->used = c, head->has_used = true;
        head->boxed |= !strcmp(text, "ac_boxed");
    } else if (clang_isAttribute(kind)) {
        const char *name = attribute_name(head->r, c);
        if (!strcmp(name, "weak") || !strcmp(name, "__weak__"))
            head->weak = true;
        else if (kind == CXCursor_VisibilityAttr) /* or a pragma's, which stands elsewhere */
            head->has_visibility = true;
        else if (!is_harmless_attribute(name, strlen(name)))
            head->bad_attribute = name;
        head->is_noinline |= strstr(name, "noinline") != NULL;
    }
    return CXChildVisit_Continue;
}

static enum CXChildVisitResult visit_operand(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    *(CXCursor *)data = c;
    return CXChildVisit_Break;
}

/* The number of bytes that an attribute of ours is given; 0: it isn't one. */
static int64_t read_bytes(CXCursor attribute)
{
    CXCursor operand = clang_getNullCursor();
    clang_visitChildren(attribute, visit_operand, &operand);
    CXEvalResult value = is_expr(operand) ? clang_Cursor_Evaluate(operand) : NULL;
    int64_t bytes = value && clang_EvalResult_getKind(value) == CXEval_Int ? clang_EvalResult_getAsLongLong(value) : 0;
    if (value)
        clang_EvalResult_dispose(value);
    return bytes > 0 ? bytes : 0;
}

/* The least of several declarations' counts. */
static void read_most_frame(Reader *r, Fn *fn, CXCursor attribute, int from, int to)
{
    int64_t most = read_bytes(attribute);
    if (!most)
        report(r->tu, ERROR, from, to, "AC_FRAME_MAX takes a number of bytes");
    else if (!fn->most_frame || most < fn->most_frame)
        fn->most_frame = most;
}

/* What of a frame that was written by hand has to be left alone by the one around it. */
static void read_used_frame(Reader *r, Fn *fn, CXCursor attribute, int from, int to)
{
    fn->frame_used = read_bytes(attribute);
    if (!fn->frame_used)
        report(r->tu, ERROR, from, to, "AC_FRAME_USED takes a number of bytes");
    else if (!fn->is_leaf)
        report(r->tu, ERROR, from, to, "AC_FRAME_USED is for a frame that is written by hand, beside AC_FRAME");
}

/* Where `async` stands among the specifiers before the name: its offset, or -1. */
int find_async(const Tu *tu, int from, int to)
{
    for (int at = from;;) {
        Token token = next_token(tu->source->text, at, to);
        if (token.kind == T_END)
            return -1;
        if (token_is(tu->source->text, token, "async") || token_is(tu->source->text, token, "AC_ASYNC"))
            return token.from;
        at = token.to;
    }
}

static bool has_word(const Tu *tu, int from, int to, const char *word)
{
    const char *start = tu->source->text + from;
    size_t size = from < to ? (size_t)(to - from) : 0;
    if (!memmem(start, size, word, strlen(word)) && !memchr(start, '\\', size)) /* which may join the word's lines */
        return false;
    for (int at = from;;) {
        Token token = next_token(tu->source->text, at, to);
        if (token.kind == T_END)
            return false;
        if (token_is(tu->source->text, token, word))
            return true;
        at = token.to;
    }
}

/* `[[nodiscard]] async int f(void)`: libclang's declaration begins behind the brackets. */
int before_attributes(const char *text, int from)
{
    for (int at = from;;) {
        while (at > 0 && strchr(" \t\n", text[at - 1]))
            at--;
        if (at < 4 || text[at - 1] != ']' || text[at - 2] != ']')
            return from;
        int depth = 0;
        do {
            at--;
            depth += text[at] == ']' ? 1 : text[at] == '[' ? -1 : 0;
        } while (at > 0 && depth);
        if (text[at] != '[' || text[at + 1] != '[')
            return from;
        from = at;
    }
}

/* From the declaration's cursor to its text. False where the text isn't all there. */
static bool read_decl_text(Reader *r, CXCursor c, Fn *fn, Decl *decl, bool is_definition)
{
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    Node span = { 0 };
    place_node(r, &span, c);
    decl->name_from = offset_of(r, clang_getCursorLocation(c));
    decl->name_to = decl->name_from + (int)strlen(fn->name);
    decl->from = before_attributes(tu->source->text, span.from);
    decl->to = span.to;
    decl->is_definition = is_definition;
    if (span.from < 0 || decl->name_from < 0)
        return false; /* in another file: a plain header, by AC_ASYNC */
    decl->in_text = true;
    if (!word_at(tu, decl->name_from, fn->name) || (find_call(tu, span.from) && !word_at(tu, span.from, "AC_ASYNC") && !word_at(tu, span.from, "AC_BOXED"))) {
        ask_expansion(r->tu, word_at(tu, decl->name_from, fn->name) ? span.from : decl->name_from);
        return true;
    }
    int end = is_definition ? span.to : tu->source->size;
    int at = decl->name_to;
    Token token = next_token(text, at, end);
    while (token_is(text, token, ")"))
        token = next_token(text, token.to, end);
    int close = token_is(text, token, "(") ? find_closing(text, token.from, end) : -1;
    if (close < 0) {
        /* The parameters come from a typedef or a macro. */
        report(tu, ERROR, decl->name_from, decl->name_to, "the parameters of async function '%s' have to stand after its name",
               fn->name);
        return true;
    }
    decl->params_from = token.to;
    decl->params_to = close;
    if (is_definition) {
        Token brace = next_token(text, close + 1, span.to);
        if (brace.kind == T_NAME && memcmp(text + brace.from, "__a", 3) && !token_is(text, brace, "__attribute__"))
            report(tu, ERROR, decl->name_from, decl->name_to, "async function '%s' can't be defined in K&R style", fn->name);
        while (brace.kind != T_END && !token_is(text, brace, "{"))
            brace = next_token(text, brace.to, span.to);
        decl->to = brace.from;
    } else {
        Token semi = next_token(text, span.to, tu->source->size);
        if (token_is(text, semi, ",")) {
            report(tu, ERROR, decl->name_from, decl->name_to,
                   "an async function has to be declared in a declaration of its own");
        }
        decl->to = token_is(text, semi, ";") ? semi.to : span.to;
    }
    if (!move_definitions(r, fn, decl, span.to) && has_word(tu, decl->from, decl->name_from, "{"))
        report(tu, ERROR, decl->name_from, decl->name_to,
               "the declaration of async function '%s' also defines a type: that has to stand before it", fn->name);
    int async_at = find_async(tu, decl->from, decl->name_from);
    if (async_at < 0) {
        report(tu, ERROR, decl->name_from, decl->name_to, "'%s' is async, but this declaration doesn't say so", fn->name);
        if (fn->ndecls)
            note(tu, fn->decls[0].in_text ? fn->decls[0].name_from : -1,
                 fn->decls[0].in_text ? fn->decls[0].name_to : -1, "previous declaration is here");
        fixit(tu, decl->from, decl->from, "async ");
    } else {
        r->seen[async_at] = 1;
    }
    fn->is_inline |= has_word(tu, decl->from, decl->name_from, "inline");
    int end_of_head = decl->is_definition ? decl->to : span.to;
    if (has_word(tu, decl->from, end_of_head, "_Noreturn") || has_word(tu, decl->from, end_of_head, "noreturn") ||
        has_word(tu, decl->from, end_of_head, "__noreturn__"))
        report(tu, ERROR, decl->name_from, decl->name_to,
               "attribute 'noreturn' on async function '%s': its poll function does return", fn->name);
    return true;
}

static bool is_array(CXType canonical)
{
    return canonical.kind == CXType_ConstantArray || canonical.kind == CXType_IncompleteArray ||
           canonical.kind == CXType_VariableArray;
}

/* On most targets an array of a record, so that a parameter is a pointer to the caller's. */
static bool is_va_list(CXType type)
{
    while (type.kind == CXType_ConstantArray || type.kind == CXType_IncompleteArray || type.kind == CXType_Pointer)
        type = clang_getCanonicalType(type.kind == CXType_Pointer ? clang_getPointeeType(type)
                                                                  : clang_getArrayElementType(type));
    if (type.kind != CXType_Record)
        return false;
    CXString string = clang_getCursorSpelling(clang_getTypeDeclaration(type));
    const char *name = clang_getCString(string);
    bool found = name && (!strcmp(name, "__va_list_tag") || !strcmp(name, "__va_list"));
    clang_disposeString(string);
    return found;
}

static Type *void_pointer(Reader *r, const Type *like)
{
    Type *type = take(r->arena, sizeof *type);
    *type = *like;
    type->before = type->bare_before = "void *";
    type->after = type->bare_after = "";
    return type;
}

/* `int a[n++]`: what the bound does is done when the function is entered. */
static void keep_bounds(Reader *r, Kids *bounds, CXCursor param)
{
    Kids kids = children(r, param);
    for (int i = 0; i < kids.n; i++)
        if (is_expr(kids.v[i]))
            *push(r->arena, bounds->v, bounds->n, bounds->room) = kids.v[i];
}

/* All the bounds of `int a[n][n]` are evaluated when the function is entered. */
static void read_parameter_bounds(Reader *r, CXCursor c, Node *var, CXType type, CXType written)
{
    Kids kids = children(r, c);
    for (int i = 0; i < kids.n; i++)
        if (is_expr(kids.v[i]))
            add_kid(r, var, read_expr(r, kids.v[i]));
    sort_kids_by_place(var, 1);
    if (var->has_await)
        report(r->tu, ERROR, var->from, var->to, "an await in the bound of a parameter is not supported");
    int name_from = offset_of(r, clang_getCursorLocation(c));
    CXString name = clang_getCursorSpelling(c);
    read_bounds(r, var, type, written, var->from, name_from, name_from + (int)strlen(clang_getCString(name)));
    clang_disposeString(name);
    forget_types(r); /* an earlier declaration may have the very type, whose bounds weren't known then */
}

/* Returns the bounds of the parameters that are arrays of variable size. */
static Kids read_params(Reader *r, Fn *fn, Kids params, CXType type, bool defined)
{
    Kids bounds = { 0 };
    fn->nparams = 0;
    fn->params = take(r->arena, (size_t)(params.n + 1) * sizeof *fn->params);
    for (int i = 0; i < params.n; i++) {
        const char *name = copy_string(r, clang_getCursorSpelling(params.v[i]));
        CXType param = clang_getArgType(type, (unsigned)i);
        /* libclang shows what was declared as an array as one; the canonical type has the pointer. */
        CXType adjusted = clang_getArgType(clang_getCanonicalType(type), (unsigned)i);
        if (clang_getCanonicalType(param).kind != adjusted.kind)
            param = adjusted;
        Node *var = new_node(r, N_VAR, params.v[i]);
        CXType written = clang_getCursorType(params.v[i]);
        add_kid(r, var, NULL);
        bool variable = defined && *name && is_variable(param);
        if (variable)
            read_parameter_bounds(r, params.v[i], var, param, written);
        Type *t = type_of(r, param);
        bool unnamed = !*name;
        const Decl *decl = fn->ndecls ? &fn->decls[fn->ndecls - 1] : NULL;
        for (const TagUse *use = decl ? t->tags : NULL; use; use = use->next)
            declare_tag_before(r, decl, use->tag);
        int at = offset_of(r, clang_getCursorLocation(params.v[i]));
        if (!unnamed && decl && decl->in_text && decl->params_from &&
            at == skip_blank(r->tu->source->text, decl->params_from, decl->params_to) && word_at(r->tu, at, name))
            report(r->tu, ERROR, decl->name_from, decl->name_to, "async function '%s' can't be defined in K&R style", fn->name);
        if (unnamed)
            name = take_format(r->arena, "%s__p%d", fn->name, i + 1);
        else
            take_name(r, name, clang_getCursorLocation(params.v[i]));
        Local *local = add_local(r, LOCAL_PARAM, name, t, at);
        /* The function type drops a parameter's own const and volatile; the body has them. */
        CXType own = clang_getCanonicalType(clang_getCursorType(params.v[i]));
        if (clang_isVolatileQualifiedType(own))
            local->in_place = true;
        if (clang_isConstQualifiedType(own))
            local->in_place = true;
        /* `int a[static 4]` says to compilers that it's never null, but where the body is resumed it is; a bound
         * would be evaluated each time. */
        bool va_list = is_va_list(own);
        local->by_type = (unnamed || (is_array(own) && !va_list)) && !t->variable_size;
        if (va_list)
            local->refused = "is the caller's va_list";
        if (va_list && t->kind == TYPE_SCALAR && !unnamed)
            local->type = void_pointer(r, t); /* no type's name does for both compilers */
        var->local = local;
        local->decl = var;
        local->lowered = variable;
        if (is_array(own) && !variable)
            keep_bounds(r, &bounds, params.v[i]);
        Known *known = find_known(r, params.v[i].data[0]);
        known->what = KNOWN_OTHER;
        known->local = local;
        fn->params[fn->nparams++] = local;
    }
    return bounds;
}

/* The body, with the bounds before it that have an effect. */
static void read_body(Reader *r, Fn *fn, CXCursor c, Kids bounds)
{
    bool *used = take(r->arena, (size_t)fn->nparams + 1);
    Node first = { 0 };
    for (int i = 0; i < bounds.n; i++) {
        for (int k = 0; k < fn->nparams; k++)
            used[k] = fn->params[k]->used;
        Node *bound = read_expr(r, bounds.v[i]);
        if (bound->has_await)
            report(r->tu, ERROR, bound->from, bound->to, "an await in the bound of a parameter is not supported");
        if (!has_effect(bound)) { /* it isn't written, so it uses nothing */
            for (int k = 0; k < fn->nparams; k++)
                fn->params[k]->used = used[k];
            continue;
        }
        bound->discarded = true;
        bound->end = bound->to;
        if (bound->in_macro)
            ask_expansion(r->tu, bound->from);
        add_kid(r, &first, bound);
    }
    for (int i = 0; first.nkids && i < fn->nparams; i++)
        if (fn->params[i]->type->variable_size)
            report(r->tu, ERROR, first.kids[0]->from, first.kids[0]->to,
                   "a bound with an effect beside a parameter of variably modified type is not supported yet");
    fn->body = read_stmt(r, c);
    /* Of what stands around a body its braces have to be seen. */
    const char *text = r->tu->source->text;
    if (text[fn->body->from] != '{')
        ask_expansion(r->tu, fn->body->from);
    if (text[fn->body->to - 1] != '}')
        ask_expansion(r->tu, fn->body->to - 1);
    fn->nbounds = first.nkids;
    for (int i = 0; i < fn->body->nkids && first.nkids; i++)
        add_kid(r, &first, fn->body->kids[i]);
    if (first.nkids) {
        fn->body->kids = first.kids;
        fn->body->nkids = first.nkids;
    }
}

static int by_name(const void *a, const void *b)
{
    const Local *x = *(Local *const *)a, *y = *(Local *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->index - y->index;
}

/* Two locals of one name, in different blocks, are x and x__2 in the frame. */
static void name_fields(Reader *r, Fn *fn)
{
    Local **sorted = take(r->arena, ((size_t)fn->nlocals + 1) * sizeof *sorted);
    for (int i = 0; i < fn->nlocals; i++)
        sorted[i] = fn->locals[i];
    if (fn->nlocals)
        qsort(sorted, (size_t)fn->nlocals, sizeof *sorted, by_name);
    for (int i = 0, same = 0; i < fn->nlocals; i++) {
        same = i && !strcmp(sorted[i]->name, sorted[i - 1]->name) ? same + 1 : 0;
        bool ours = !strcmp(sorted[i]->name, "state") || !strcmp(sorted[i]->name, "result");
        if (same || ours)
            sorted[i]->field = take_format(r->arena, "%s__%d", sorted[i]->name, same + 1);
    }
}

/* After an await a body runs on another piece of stack, and with other arguments. */
static void check_jump(Reader *r, const Fn *fn)
{
    const Node *node = r->jump;
    bool of_call = !strncmp(r->jump_name, "__builtin_apply", 15) || !strcmp(r->jump_name, "__builtin_return");
    if (of_call)
        report(r->tu, ERROR, node->from, node->to, "'%s' can't be used in an async function", r->jump_name);
    else if (fn->nawaits)
        report(r->tu, ERROR, node->from, node->to, "'%s' can't be used in an async function that awaits", r->jump_name);
    else
        return;
    if (strstr(r->jump_name, "alloca"))
        note(r->tu, -1, -1, "what it gives would be gone after an await: not supported yet; use an array or malloc");
    else
        note(r->tu, -1, -1, of_call ? "the arguments on the stack are those of a poll"
                                : "what it remembers of the stack is gone after an await; do it in a plain function");
}

void read_async_function(Reader *r, CXCursor c)
{
    Tu *tu = r->tu;
    const char *name = copy_string(r, clang_getCursorSpelling(c));
    CXType type = clang_getCursorType(c);
    Head head = { .r = r };
    clang_visitChildren(c, visit_head, &head);

    Fn *fn = find_fn(r, name);
    if (!fn) {
        fn = take(r->arena, sizeof *fn);
        fn->tu = tu;
        fn->name = name;
        fn->frame_type = take_format(r->arena, "struct %s__frame", name);
        fn->frame_size = -1;
        fn->frame_align = 1;
        fn->is_main = !strcmp(name, "main");
        fn->name_is_taken = fn->is_main || is_library_name(name);
        add_fn(r, fn);
    }
    find_known(r, c.data[0])->fn = fn;
    find_known(r, c.data[0])->what = KNOWN_CONSTANT;
    fn->result = type_of(r, clang_getUnqualifiedType(clang_getCanonicalType(clang_getResultType(type)).kind ==
                                                     CXType_Void
                                                 ? clang_getCanonicalType(clang_getResultType(type))
                                                 : clang_getResultType(type)));
    if (clang_Cursor_getStorageClass(c) == CX_SC_Static)
        fn->is_static = true;
    fn->is_noinline |= head.is_noinline;

    Decl decl = { 0 };
    read_decl_text(r, c, fn, &decl, head.has_body);
    declare_result_before(r, clang_getResultType(type), &decl);
    int at = decl.in_text ? decl.name_from : -1, to = decl.in_text ? decl.name_to : -1;
    fn->is_all |= head.frame && !strcmp(name, "ac_all");
    if (clang_Cursor_isVariadic(c) && clang_getCanonicalType(type).kind == CXType_FunctionProto && !fn->is_all) {
        report(tu, ERROR, at, to, "async function '%s' can't be variadic", name);
        note(tu, -1, -1, "its arguments outlive the call; pass a struct or an array");
    } else if (clang_getCanonicalType(type).kind == CXType_FunctionNoProto) {
        report(tu, ERROR, at, to, "async function '%s' needs a prototype", name);
        if (decl.in_text && decl.params_from)
            fixit(tu, decl.params_from, decl.params_to, "void");
    }
    if (head.bad_attribute)
        report(tu, ERROR, at, to, "attribute '%s' can't be given to async function '%s'", head.bad_attribute, name);
    if (fn->result->kind != TYPE_VOID && (fn->result->size < 0 || fn->result->local_tag || fn->result->tags))
        report(tu, ERROR, at, to, "the result of async function '%s' needs a complete type that has a name", name);
    *push(r->arena, fn->decls, fn->ndecls, fn->decls_room) = decl;

    if (head.has_most)
        read_most_frame(r, fn, head.most, at, to);
    fn->wants_box |= head.boxed;
    fn->is_weak |= head.weak;
    enum CXVisibilityKind visibility = clang_getCursorVisibility(c); /* by -fvisibility, too */
    if (head.has_visibility)
        fn->visibility = visibility == CXVisibility_Hidden ? "hidden" : visibility == CXVisibility_Protected ? "protected" : "default";
    fn->is_interposable = tu->options->interposes && visibility == CXVisibility_Default && !fn->is_static && !fn->is_main &&
                          !head.frame;
    if (head.frame) {
        fn->is_leaf = true;
        const char *calls = decl.in_text && is_made_text(tu->source, decl.from) ? called_by_blocking(r, name) : NULL;
        fn->is_blocking = calls != NULL;
        fn->calls = calls && *calls ? calls : NULL;
        fn->frame_type = head.frame;
    }
    if (fn->is_leaf && (head.has_body || fn->body)) {
        report(tu, ERROR, at, to, "async function '%s' has a body, but by AC_FRAME its frame was made elsewhere", name);
        note(tu, -1, -1, "a file includes the .ah file of what it defines, not the header that was made of it");
    }
    if (head.has_used)
        read_used_frame(r, fn, head.used, at, to);
    if (!head.has_body) {
        if (!fn->body) { /* the parameters' types, for whoever spawns it */
            r->fn = fn;
            fn->nlocals = 0;
            read_params(r, fn, head.params, type, false);
            r->fn = NULL;
        }
        return;
    }
    if (!decl.in_text) {
        report_at(tu, ERROR, (Place){ 0 }, 0, NULL,
                  take_format(r->arena, "async function '%s' is defined in a plain header; only .ac and .ah files are translated",
                              name));
        return;
    }
    if (fn->body) {
        report(tu, ERROR, at, to, "async function '%s' is defined twice: an extern inline one can't be replaced", name);
        for (int i = 0; i < tu->source->words.n; i++) { /* its awaits are no others' */
            int word = tu->source->words.v[i].at;
            r->seen[word] |= word > decl.to && word < end_of(r, head.body);
        }
        return;
    }
    r->fn = fn;
    r->scope = NULL;
    r->jump = NULL;
    fn->nlocals = fn->nawaits = fn->nparams = fn->nhidings = fn->ntype_uses = 0;
    fn->has_allocas = false;
    if (fn->is_main)
        tu->has_main = true;
    visit_tree(r, head.body);
    Kids bounds = read_params(r, fn, head.params, type, true);
    /* From here on, since the parameters are seen from outside. */
    r->hides_types = declares_types(r);
    if (r->hides_types)
        forget_types(r);
    read_body(r, fn, head.body, bounds);
    read_type_uses(r, fn);
    find_mentions(r);
    if (r->hides_types)
        forget_types(r);
    r->hides_types = false;
    name_fields(r, fn);
    lend_addresses(fn);
    if (r->jump)
        check_jump(r, fn);
    r->fn = NULL;
}
