/* read_stmt.c - statements and declarations of variables. What clang leaves out of a statement's extent, its
 * semicolon, and which part of a `for` is absent, are found in the text. */
#include "read.h"
#include <stdlib.h>
#include <string.h>

/* Past the `gnu::` of [[gnu::aligned(16)]]. */
static Token alignment_word(const char *text, size_t at, size_t size)
{
    Token word = next_token(text, (int)at, (int)size);
    if (token_is(text, word, "gnu") || token_is(text, word, "__gnu__"))
        do
            word = next_token(text, word.to, (int)size);
        while (word.kind == T_PUNCT && text[word.from] == ':');
    return word;
}

/* The alignment in `_Alignas(16)` or `aligned(16)` at the offset, or -1 when it isn't a number. */
static int read_alignment(const char *text, size_t at, size_t size)
{
    Token open = next_token(text, alignment_word(text, at, size).to, (int)size);
    Token number = next_token(text, open.to, (int)size);
    if (!token_is(text, open, "(") || number.kind != T_NUMBER || !token_is(text, next_token(text, number.to, (int)size), ")"))
        return -1;
    long value = strtol(text + number.from, NULL, 0);
    return value > 0 && value <= 64 ? (int)value : -1;
}

static bool is_alignment(const char *text, size_t at, size_t size)
{
    static const char *const words[] = { "_Alignas", "alignas", "aligned", "__aligned__" };
    Token word = alignment_word(text, at, size);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (token_is(text, word, words[i]))
            return true;
    return false;
}

/* libclang doesn't tell what `_Alignas(double)` is, but enumerators it does: the next parse sees
 * `enum { f__align3_1 = sizeof(struct { _Alignas(double) char c; }) };` before the declaration. Lowering drops it. */
static void ask_alignment(Reader *r, const Node *declare_node, int here, int number)
{
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    Token word = alignment_word(text, (size_t)here, (size_t)tu->source->size), open = next_token(text, word.to, tu->source->size);
    bool bare = token_is(text, word, "aligned") || token_is(text, word, "__aligned__");
    int close = token_is(text, open, "(") ? find_closing(text, open.from, tu->source->size) : -1;
    bool known = bare || token_is(text, word, "_Alignas") || token_is(text, word, "alignas");
    const Change *call = find_call(tu, here);
    if (!known || (close < 0 && !bare) || (call && call->to > word.to)) {
        ask_expansion(tu, here);
        return;
    }
    int before = declare_node->from;
    while (before > 0 && strchr(" \t\n", text[before - 1]))
        before--;
    if (before > 0 && text[before - 1] == ']') /* what is put behind [[gnu::aligned(N)]] would take it away */
        return;
    const char *attribute = close < 0 ? "__attribute__((aligned))"
                                      : take_format(r->arena, "_Alignas(%s)", one_line(tu, open.to, close));
    ask_insert(tu, declare_node->from,
               take_format(tu->arena, "enum { %s__align%d_%d = sizeof(struct { %s char c; }) }; ", r->fn->name, ++tu->naligns,
                           number, attribute));
}

static enum CXChildVisitResult take_constant(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    if (clang_getCursorKind(c) != CXCursor_EnumConstantDecl)
        return CXChildVisit_Continue;
    *(CXCursor *)data = c;
    return CXChildVisit_Break;
}

/* Whether the declaration is one of those; its value then is for the next declaration. */
static bool read_asked_alignment(Reader *r, Kids kids)
{
    if (kids.n != 1 || clang_getCursorKind(kids.v[0]) != CXCursor_EnumDecl)
        return false;
    CXCursor constant = clang_getNullCursor();
    clang_visitChildren(kids.v[0], take_constant, &constant);
    if (clang_Cursor_isNull(constant))
        return false;
    const char *name = copy_string(r, clang_getCursorSpelling(constant));
    size_t size = strlen(r->fn->name);
    int id, number;
    if (strncmp(name, r->fn->name, size) || sscanf(name + size, "__align%d_%d", &id, &number) != 2 || number < 1 ||
        number > MOST_ALIGNMENTS || id > r->tu->naligns)
        return false;
    r->next_alignments[number - 1] = (int)clang_getEnumConstantDeclValue(constant);
    return true;
}

/* `at` is where the attribute is spelled, `here` where in our text: <stdalign.h>'s macro has only the word. */
static void align_local(Reader *r, Local *local, const char *text, size_t at, size_t size, int here, int number)
{
    int alignment = read_alignment(text, at, size);
    if (alignment < 0 && here >= 0)
        alignment = read_alignment(r->tu->source->text, (size_t)here, (size_t)r->tu->source->size);
    if (alignment < 0 && number <= MOST_ALIGNMENTS) {
        if (r->alignments[number - 1])
            alignment = r->alignments[number - 1] <= 64 ? r->alignments[number - 1] : -1;
        else if (here >= 0 && (!r->scope || r->scope->kind != N_FOR))
            ask_alignment(r, local->statement, here, number);
    }
    if (alignment < 0) {
        local->refused = "is over-aligned";
    } else if (alignment > local->type->align) {
        Type *type = take(r->arena, sizeof *type);
        *type = *local->type;
        type->align = local->alignment = alignment;
        local->type = type;
        local->in_place = true;
    }
}

/* In a declaration as clang prints it: `((cleanup(drop)))`, `[[gnu::cleanup(drop)]]`. Past the bracket, or null. */
static const char *find_cleanup(const char *text)
{
    static const char *const words[] = { "((cleanup(", "((__cleanup__(", "::cleanup(", "::__cleanup__(" };
    const char *found = NULL;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = strstr(text, words[i]);
        if (at && (!found || at < found))
            found = at + strlen(words[i]);
    }
    return found;
}

/* Of a variable with attributes: which function cleans it up. Macros may have spelled the attribute. */
static void read_cleanup(Reader *r, Local *local, CXCursor c)
{
    CXPrintingPolicy policy = clang_getCursorPrintingPolicy(c);
    clang_PrintingPolicy_setProperty(policy, CXPrintingPolicy_SuppressInitializers, 1);
    const char *text = find_cleanup(copy_string(r, clang_getCursorPrettyPrinted(c, policy)));
    clang_PrintingPolicy_dispose(policy);
    if (!text)
        return;
    local->cleanup = take_text(r->arena, text, strcspn(text, ")"));
    int which = reserved_name(local->cleanup);
    if (which)
        r->fn->uses_name[which - 1] = true;
    int to = local->from < 0 ? -1 : local->from + (int)strlen(local->name);
    if (find_fn(r, local->cleanup))
        report(r->tu, ERROR, local->from, to, "the cleanup '%s' of '%s' is async: not supported yet", local->cleanup,
               local->name);
    if (find_cleanup(text))
        report(r->tu, ERROR, local->from, to, "'%s' has more than one cleanup, of which compilers run one, not the same",
               local->name);
}

static void note_static(Reader *r, CXCursor c)
{
    const char *name = copy_string(r, clang_getCursorSpelling(c));
    int which = reserved_name(name);
    if (which)
        r->fn->uses_name[which - 1] = true;
}

void sort_kids_by_place(Node *node, int first)
{
    for (int i = first + 1; i < node->nkids; i++)
        for (int k = i; k > first && node->kids[k]->from < node->kids[k - 1]->from; k--) {
            Node *later = node->kids[k - 1];
            node->kids[k - 1] = node->kids[k];
            node->kids[k] = later;
        }
}

/* `typeof(int[n++]) a, b;`: what the specifiers say is evaluated once. */
static bool is_read(const Node *declare_node, int from)
{
    for (int i = 0; i < declare_node->nkids; i++)
        for (int k = 1; k < declare_node->kids[i]->nkids; k++)
            if (from >= 0 && declare_node->kids[i]->kids[k]->from == from)
                return true;
    return false;
}

/* A variable's initialiser as one of its children, which are known from the visit; or null. */
static CXCursor find_initialiser(Reader *r, CXCursor c)
{
    CXCursor init = clang_Cursor_getVarDeclInitializer(c);
    Kids kids = children(r, c);
    for (int i = 0; i < kids.n; i++)
        if (clang_equalCursors(kids.v[i], init))
            return kids.v[i];
    return init;
}

/* The expressions in the type of a variable (of that initialiser) or a typedef, as kids behind its initialiser;
 * and the bounds among them, before anything asks for the type. */
static void read_variable_type(Reader *r, CXCursor c, CXCursor init, Node *var, const Node *declare_node)
{
    CXType type = clang_getCursorType(c);
    if (clang_getCursorKind(c) == CXCursor_TypedefDecl)
        type = clang_getTypedefDeclUnderlyingType(c);
    bool variable = is_variable(type);
    Kids kids = children(r, c);
    for (int i = 0; i < kids.n; i++) {
        CXCursor kid = kids.v[i];
        if (!is_expr(kid) || clang_equalCursors(kid, init))
            continue;
        if (variable && is_read(declare_node, offset_of(r, clang_getRangeStart(clang_getCursorExtent(kid)))))
            continue;
        if (variable) {
            add_kid(r, var, read_expr(r, kid));
            continue;
        }
        bool before = r->unevaluated;
        r->unevaluated = true;
        Node *in_type = new_node(r, N_UNEVALUATED, kid);
        add_kid(r, in_type, read_expr(r, kid));
        r->unevaluated = before;
        add_kid(r, var, in_type);
    }
    if (!variable)
        return;
    sort_kids_by_place(var, 1); /* libclang goes from the element outwards */
    int name_from = offset_of(r, clang_getCursorLocation(c));
    CXString name = clang_getCursorSpelling(c);
    read_bounds(r, var, type, type, declare_node->from, name_from, name_from + (int)strlen(clang_getCString(name)));
    clang_disposeString(name);
}

/* Of a typedef of a variable type the bounds are evaluated, where it stands. */
static void read_typedef(Reader *r, Node *declare_node, CXCursor c)
{
    CXType type = clang_getTypedefDeclUnderlyingType(c);
    if (!is_variable(type))
        return;
    Node *var = new_node(r, N_VAR, c);
    add_kid(r, var, NULL);
    read_variable_type(r, c, clang_getNullCursor(), var, declare_node);
    Local *local = add_local(r, LOCAL_TYPEDEF, copy_string(r, clang_getCursorSpelling(c)), type_of(r, type),
                             offset_of(r, clang_getCursorLocation(c)));
    Known *known = find_known(r, c.data[0]);
    known->what = KNOWN_OTHER;
    known->local = local;
    local->in_place = false;
    local->decl = var;
    local->statement = declare_node;
    var->local = local;
    var->type = local->type;
    var->in_macro = local->from < 0 || (find_call(r->tu, local->from) && !is_spelled(r, clang_getCursorLocation(c)));
    add_kid(r, declare_node, var);
}

static bool is_unused(const char *text)
{
    return !strncmp(text, "unused", 6) || !strncmp(text, "__unused__", 10) || !strncmp(text, "maybe_unused", 12);
}

/* Of `static int (*p)[n], *q;` the declaration is made anew, as a whole; others that are static stay as they are. */
static void read_variable(Reader *r, Node *declare_node, CXCursor c, bool beside_variable)
{
    Tu *tu = r->tu;
    enum CX_StorageClass storage = clang_Cursor_getStorageClass(c);
    bool is_static = storage == CX_SC_Static;
    if (is_static || storage == CX_SC_Extern) {
        note_static(r, c);
        if (!beside_variable)
            return;
    }
    Node *var = new_node(r, N_VAR, c);
    CXCursor init = find_initialiser(r, c);
    /* `__auto_type p = (int (*)[n])q;`: the initialiser has the bounds. */
    bool takes_type = clang_getCursorType(c).kind == CXType_Auto && !clang_Cursor_isNull(init);
    add_kid(r, var, takes_type ? read_expr(r, init) : NULL);
    read_variable_type(r, c, init, var, declare_node);
    Known *known = find_known(r, c.data[0]);
    known->what = KNOWN_OTHER;
    CXSourceLocation name_at = clang_getCursorLocation(c);
    const char *name = copy_string(r, clang_getCursorSpelling(c));
    Local *local = add_local(r, is_static ? LOCAL_STATIC : LOCAL_VAR, name, type_of(r, clang_getCursorType(c)),
                             offset_of(r, name_at));
    if (!is_static || local->type->variable_size)
        known->local = local;
    if (is_static) { /* others may see and change it at any time */
        local->in_place = local->address_taken = true;
        local->is_thread = clang_getCursorTLSKind(c) != CXTLS_None;
    }
    local->decl = var;
    local->statement = declare_node;
    var->local = local;
    var->type = local->type;
    var->in_macro = local->from < 0 || (find_call(tu, local->from) && !is_spelled(r, name_at));

    Kids kids = children(r, c);
    bool others = false; /* attributes without a kind of their own */
    for (int i = 0; i < kids.n; i++) {
        CXCursor kid = kids.v[i];
        enum CXCursorKind kind = clang_getCursorKind(kid);
        if (!clang_isAttribute(kind))
            continue;
        CXFile file;
        unsigned at;
        clang_getSpellingLocation(clang_getRangeStart(clang_getCursorExtent(kid)), &file, NULL, NULL, &at);
        size_t size = 0;
        const char *text = file ? clang_getFileContents(r->unit, file, &size) : NULL;
        others |= kind == CXCursor_UnexposedAttr && !is_static;
        if (is_static && !(text && at < size && is_unused(text + at)))
            report(tu, ERROR, local->from, local->from + (int)strlen(name),
                   "an attribute of what is static and variably modified, or declared beside that: not supported");
        else if (text && at < size && is_alignment(text, at, size))
            align_local(r, local, text, at, size, offset_of(r, clang_getRangeStart(clang_getCursorExtent(kid))), ++r->nalignments);
        else if (kind == CXCursor_AlignedAttr)
            local->refused = "is over-aligned";
    }
    if (others)
        read_cleanup(r, local, c);
    if (local->type->is_future) {
        read_kept_future(r, var, c, init);
        var->has_await |= var->kids[0] && var->kids[0]->has_await;
    } else if (!clang_Cursor_isNull(init) && !takes_type) {
        var->kids[0] = read_expr(r, init);
        if (var->kids[0]->has_await)
            var->has_await = true;
    }
    add_kid(r, declare_node, var);
}


static enum CXChildVisitResult hide_name(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Reader *r = data;
    Fn *fn = r->fn;
    if (!clang_isDeclaration(clang_getCursorKind(c)))
        return CXChildVisit_Continue;
    const char *name = copy_string(r, clang_getCursorSpelling(c));
    if (*name) {
        *push(r->arena, fn->hidings, fn->nhidings, fn->hidings_room) = (Hiding){ name, r->scope };
        take_name(r, name, clang_getCursorLocation(c));
    }
    if (clang_getCursorKind(c) == CXCursor_EnumDecl)
        clang_visitChildren(c, hide_name, r);
    return CXChildVisit_Continue;
}

/* What stands in a declaration that isn't a variable's (an assertion, an enumerator's value, typeof) isn't evaluated. */
static void read_quiet_declaration(Reader *r, Node *node, CXCursor c)
{
    Kids kids = children(r, c);
    bool before = r->unevaluated;
    r->unevaluated = true;
    for (int i = 0; i < kids.n; i++)
        if (is_expr(kids.v[i])) {
            Node *quiet = new_node(r, N_UNEVALUATED, kids.v[i]);
            add_kid(r, quiet, read_expr(r, kids.v[i]));
            add_kid(r, node, quiet);
        } else if (clang_isDeclaration(clang_getCursorKind(kids.v[i]))) {
            read_quiet_declaration(r, node, kids.v[i]);
        }
    r->unevaluated = before;
}

/* A constexpr object is made static: where the body is resumed its declaration isn't reached. */
static bool is_constexpr(Reader *r, const Node *node)
{
    const char *text = r->tu->source->text;
    for (int at = node->from; at >= 0 && at < node->to;) {
        Token token = next_token(text, at, node->to);
        if (token.kind != T_NAME && !token_is(text, token, "[") && !token_is(text, token, "]"))
            return false;
        if (token_is(text, token, "static"))
            return false;
        if (token_is(text, token, "constexpr"))
            return true;
        at = token.to;
    }
    return false;
}

/* `async int g(int);` in a body: it says nothing about frames, and goes. One that is the first to declare the
 * function is repeated before this function, for the next parse. */
static bool read_local_async(Reader *r, Node *node, Kids kids)
{
    Tu *tu = r->tu;
    bool some = false, is_first = false;
    for (int i = 0; i < kids.n; i++) {
        bool function = clang_getCursorKind(kids.v[i]) == CXCursor_FunctionDecl, async = function && is_async(kids.v[i]);
        some |= async;
        is_first |= async && !find_fn(r, copy_string(r, clang_getCursorSpelling(kids.v[i])));
    }
    if (!some)
        return false;
    node->kind = N_EMPTY;
    node->op = 'd';
    if (node->from < 0 || find_call(tu, node->from)) {
        ask_expansion(tu, node->from);
        return true;
    }
    int word = find_async(tu, node->from, node->to);
    if (word >= 0)
        r->seen[word] = 1;
    const char *text = tu->source->text;
    bool is_plain = kids.n == 1 && !memchr(text + node->from, '{', (size_t)(node->to - node->from));
    if (!is_plain || word < 0)
        report(tu, ERROR, node->from, node->to,
               "an async function that is declared inside a function has to be declared in a declaration of its own");
    else if (is_first)
        ask_insert(tu, r->fn->decls[r->fn->ndecls - 1].from,
                   take_format(tu->arena, "%s ", take_text(tu->arena, text + node->from, (size_t)(node->to - node->from))));
    return true;
}

/* What its declarators declare. Whether one of them, or a type among them, comes from a macro's body. */
static bool read_declarators(Reader *r, Node *node, Kids kids)
{
    int alignments[MOST_ALIGNMENTS], outer_count = r->nalignments;
    const int *outer = r->alignments;
    memcpy(alignments, r->next_alignments, sizeof alignments);
    memset(r->next_alignments, 0, sizeof r->next_alignments);
    r->alignments = alignments; /* a statement expression declares others */
    r->nalignments = 0;
    bool constant = is_constexpr(r, node), some_variable = false, defined_in_macro = false;
    for (int i = 0; i < kids.n; i++)
        some_variable |= clang_getCursorKind(kids.v[i]) == CXCursor_VarDecl && is_variable(clang_getCursorType(kids.v[i]));
    if (constant)
        node->op = 's';
    for (int i = 0; i < kids.n; i++) {
        enum CXCursorKind kind = clang_getCursorKind(kids.v[i]);
        if (kind == CXCursor_VarDecl && constant)
            note_static(r, kids.v[i]);
        else if (kind == CXCursor_VarDecl)
            read_variable(r, node, kids.v[i], some_variable);
        else if (kind == CXCursor_TypedefDecl)
            read_typedef(r, node, kids.v[i]);
        else if (clang_isCursorDefinition(kids.v[i]) && !is_spelled(r, clang_getRangeStart(clang_getCursorExtent(kids.v[i]))))
            defined_in_macro = true;
    }
    r->alignments = outer;
    r->nalignments = outer_count;
    for (int i = 0; i < node->nkids; i++)
        defined_in_macro |= node->kids[i]->in_macro;
    return defined_in_macro;
}

static Node *read_declare(Reader *r, CXCursor c)
{
    Node *node = new_node(r, N_DECLARE, c);
    Kids kids = children(r, c);
    if (r->fn && read_asked_alignment(r, kids)) {
        node->kind = N_EMPTY;
        node->op = 'a';
        return node;
    }
    for (int i = 0; i < kids.n; i++)
        hide_name(kids.v[i], c, r);
    if (r->fn && read_local_async(r, node, kids))
        return node;
    bool in_macro = read_declarators(r, node, kids);
    /* The type may come from a macro; names and initialisers have to be there to be edited. */
    const Change *call = node->from >= 0 ? find_call(r->tu, node->from) : NULL;
    node->in_macro = in_macro || (call && call->to >= node->to);
    if (!node->nkids) {
        node->kind = N_EMPTY;
        if (kids.n && clang_getCursorKind(kids.v[kids.n - 1]) == CXCursor_TypedefDecl)
            node->op = 't';
        for (int i = 0; i < kids.n; i++)
            read_quiet_declaration(r, node, kids.v[i]);
    }
    return node;
}

/* Past the semicolon that ends an expression statement, which clang leaves out. */
static void reach_semicolon(Reader *r, Node *node)
{
    Tu *tu = r->tu;
    int at = skip_blank(tu->source->text, node->to, tu->source->size);
    if (at < tu->source->size && tu->source->text[at] == ';')
        node->to = at + 1;
}

static Node *read_sub(Reader *r, Node *node, CXCursor c)
{
    Node *kid = read_stmt(r, c);
    add_kid(r, node, kid);
    /* Both out of one macro call: the semicolon behind that may be an empty statement. */
    bool in_one = node->in_macro && kid->in_macro && kid->to <= node->to;
    if (kid->end > node->to && !in_one)
        node->to = kid->end;
    return kid;
}

static Node *read_for(Reader *r, CXCursor c)
{
    Tu *tu = r->tu;
    Node *node = new_node(r, N_FOR, c);
    Node *outer = r->scope;
    r->scope = node;
    Kids kids = children(r, c);
    CXCursor part[3];
    bool has[3] = { false, false, false };
    if (kids.n == 4) {
        for (int i = 0; i < 3; i++)
            part[i] = kids.v[i], has[i] = true;
    } else if (kids.n > 1) {
        if (node->in_macro || !word_at(tu, node->from, "for")) {
            ask_expansion(r->tu, node->from); /* which part is absent can be seen in the text alone */
        } else {
            Token open = next_token(tu->source->text, node->from + 3, node->to);
            int close = find_closing(tu->source->text, open.from, node->to);
            int semi[2] = { close, close }, nsemi = 0;
            for (int at = open.to; at < close && nsemi < 2;) {
                Token token = next_token(tu->source->text, at, close);
                if (token.kind == T_END)
                    break;
                at = token.to;
                char first = tu->source->text[token.from];
                if (first == ';') {
                    semi[nsemi++] = token.from;
                } else if (token.kind == T_PUNCT && (first == '(' || first == '[' || first == '{')) {
                    int end = find_closing(tu->source->text, token.from, close);
                    at = end < 0 ? close : end + 1;
                }
            }
            for (int i = 0; i + 1 < kids.n; i++) {
                int from = offset_of(r, clang_getRangeStart(clang_getCursorExtent(kids.v[i])));
                int which = from < semi[0] ? 0 : from < semi[1] ? 1 : 2;
                part[which] = kids.v[i];
                has[which] = true;
            }
        }
    }
    for (int i = 0; i < 3; i++) {
        if (!has[i])
            add_kid(r, node, NULL);
        else if (i == 0 && clang_getCursorKind(part[i]) == CXCursor_DeclStmt)
            add_kid(r, node, read_declare(r, part[i]));
        else
            add_kid(r, node, read_expr(r, part[i]));
    }
    if (has[0] && node->kids[0]->kind != N_DECLARE)
        node->kids[0]->discarded = true;
    if (has[2])
        node->kids[2]->discarded = true;
    if (kids.n)
        read_sub(r, node, kids.v[kids.n - 1]);
    r->scope = outer;
    return node;
}

/* The statement behind a label of any kind. */
static Node *read_labelled(Reader *r, Node *node, CXCursor c)
{
    Kids kids = children(r, c);
    if (kids.n)
        read_sub(r, node, kids.v[kids.n - 1]);
    return node;
}

static Node *read_stmt_kind(Reader *r, CXCursor c)
{
    enum CXCursorKind kind = clang_getCursorKind(c);
    Node *node;
    Kids kids;
    switch (kind) {
    case CXCursor_CompoundStmt: {
        node = new_node(r, N_COMPOUND, c);
        Node *outer = r->scope;
        r->scope = node;
        kids = children(r, c);
        for (int i = 0; i < kids.n; i++)
            add_kid(r, node, read_stmt(r, kids.v[i]));
        r->scope = outer;
        return node;
    }
    case CXCursor_DeclStmt:
        return read_declare(r, c);
    case CXCursor_IfStmt:
    case CXCursor_WhileStmt:
    case CXCursor_SwitchStmt:
        node = new_node(r, kind == CXCursor_IfStmt ? N_IF : kind == CXCursor_WhileStmt ? N_WHILE : N_SWITCH, c);
        kids = children(r, c);
        for (int i = 0; i < kids.n; i++) {
            if (i == 0)
                add_kid(r, node, read_expr(r, kids.v[i]));
            else
                read_sub(r, node, kids.v[i]);
        }
        if (kind == CXCursor_IfStmt && kids.n == 2)
            add_kid(r, node, NULL);
        return node;
    case CXCursor_DoStmt:
        node = new_node(r, N_DO, c);
        kids = children(r, c);
        if (kids.n == 2) {
            add_kid(r, node, read_stmt(r, kids.v[0]));
            add_kid(r, node, read_expr(r, kids.v[1]));
        }
        reach_semicolon(r, node);
        return node;
    case CXCursor_ForStmt:
        return read_for(r, c);
    case CXCursor_CaseStmt:
    case CXCursor_DefaultStmt:
        node = new_node(r, N_CASE, c);
        node->op = kind == CXCursor_DefaultStmt ? 'd' : 0;
        return read_labelled(r, node, c);
    case CXCursor_LabelStmt:
        node = new_node(r, N_LABEL, c);
        node->name = copy_string(r, clang_getCursorSpelling(c));
        take_name(r, node->name, clang_getCursorLocation(c));
        return read_labelled(r, node, c);
    case CXCursor_GotoStmt:
        node = new_node(r, N_GOTO, c);
        kids = children(r, c);
        node->name = kids.n ? copy_string(r, clang_getCursorSpelling(kids.v[0])) : "";
        reach_semicolon(r, node);
        return node;
    case CXCursor_IndirectGotoStmt:
        node = read_kids(r, new_node(r, N_GOTO_ANY, c), children(r, c));
        reach_semicolon(r, node);
        return node;
    case CXCursor_BreakStmt:
    case CXCursor_ContinueStmt:
        node = new_node(r, kind == CXCursor_BreakStmt ? N_BREAK : N_CONTINUE, c);
        reach_semicolon(r, node);
        return node;
    case CXCursor_ReturnStmt:
        node = new_node(r, N_RETURN, c);
        kids = children(r, c);
        add_kid(r, node, kids.n ? read_expr(r, kids.v[0]) : NULL);
        reach_semicolon(r, node);
        if (node->in_macro)
            ask_expansion(r->tu, node->from);
        return node;
    case CXCursor_NullStmt:
        return new_node(r, N_EMPTY, c);
    case CXCursor_GCCAsmStmt:
        r->fn->labels_as_values = true;
        node = read_kids(r, new_node(r, N_ASM, c), children(r, c));
        for (int i = 0; i < node->nkids; i++)
            if (node->kids[i]->is_lvalue)
                take_address(node->kids[i]);
        reach_semicolon(r, node);
        return node;
    case CXCursor_UnexposedStmt:
        kids = children(r, c);
        for (int i = kids.n - 1; i >= 0; i--)
            if (!clang_isAttribute(clang_getCursorKind(kids.v[i])))
                return read_stmt(r, kids.v[i]);
        return new_node(r, N_EMPTY, c);
    default:
        if (clang_isStatement(kind)) {
            node = new_node(r, N_EMPTY, c);
            report(r->tu, ERROR, node->from, node->to, "this kind of statement is not supported in async functions");
            return node;
        }
        node = read_expr(r, c);
        node->discarded = true;
        Node place = { 0 }, *whole = node;
        place_node(r, &place, c);
        if (place.from != node->from || place.to != node->to) { /* parentheses around all of it */
            whole = new_node(r, N_OTHER, c);
            whole->type = node->type;
            whole->discarded = true;
            whole->op = '(';
            add_kid(r, whole, node);
        }
        return whole;
    }
}

Node *read_stmt(Reader *r, CXCursor c)
{
    Node *node = read_stmt_kind(r, c);
    if (node->type) { /* clang leaves the semicolon of an expression out */
        node->end = skip_blank(r->tu->source->text, node->to, r->tu->source->size);
        node->end = node->end < r->tu->source->size && r->tu->source->text[node->end] == ';' ? node->end + 1 : node->to;
    } else {
        node->end = node->to;
    }
    return node;
}
