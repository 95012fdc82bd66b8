/* read.c - from libclang's tree to the model's.
 *
 * Fills tu->fns: for each async function its declarations, parameters, locals, awaits and its body
 * as Nodes. Plain functions leave only their ac_spawn and ac_block_on behind. Also asks for
 * what the text lacks to be read whole: tu->hard (macro calls that hold an await or come apart at
 * one), tu->inserts (the star that gives `await task` its type); main.c then reads again.
 *
 * This file parses and goes through what stands at file level; read_fn.c, read_stmt.c and read_expr.c
 * read what they are called after, read_macros.c the calls of macros. */
#include "read.h"
#include <stdlib.h>
#include <string.h>

static enum CXChildVisitResult visit_mentions(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    find_mention(data, c);
    return CXChildVisit_Recurse;
}

static enum CXChildVisitResult visit_plain(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Reader *r = data;
    switch (clang_getCursorKind(c)) {
    case CXCursor_UnaryOperator:
        if (is_await(r, c)) {
            read_await(r, c);
            return CXChildVisit_Continue;
        }
        return CXChildVisit_Recurse;
    case CXCursor_UnaryExpr: /* not evaluated, but written */
        clang_visitChildren(c, visit_mentions, r);
        return CXChildVisit_Continue;
    case CXCursor_CStyleCastExpr: {
        CXCursor operand = only_expr(children(r, c)); /* and not what its type's name says */
        if (!clang_Cursor_isNull(operand))
            check_cast(r, c, operand);
        if (!clang_Cursor_isNull(operand) && visit_plain(operand, c, r) == CXChildVisit_Recurse)
            clang_visitChildren(operand, visit_plain, r);
        return CXChildVisit_Continue;
    }
    case CXCursor_CallExpr: {
        Kids kids;
        return read_special_call(r, c, &kids) ? CXChildVisit_Continue : CXChildVisit_Recurse;
    }
    case CXCursor_DeclRefExpr: {
        CXCursor decl = clang_getCursorReferenced(c);
        if (clang_getCursorKind(decl) == CXCursor_FunctionDecl && know(r, decl)->fn)
            read_ref(r, c);
        return CXChildVisit_Continue;
    }
    case CXCursor_ConditionalOperator:
        check_branches_of(r, c);
        return CXChildVisit_Recurse;
    case CXCursor_GenericSelectionExpr: {
        Kids kids = children(r, c);
        for (int i = 0; i < kids.n; i++)
            if (is_expr(kids.v[i])) {
                check_selection(r, c, kids.v[i]);
                break;
            }
        return CXChildVisit_Recurse;
    }
    default:
        return CXChildVisit_Recurse;
    }
}

typedef struct Top {
    Reader *r;
    Kids functions, macros; /* functions, and variables in their order */
    struct {
        const char *name;
        CXCursor decl;
    } *frames;
    int nframes, frames_room;
    bool has_blocking; /* ac_spawn_blocking is used */
    CXCursor *starts; /* functions named so, or name__resume, name__box: of leaves, as a rule */
    int nstarts, starts_room;
} Top;

void take_name(Reader *r, const char *name, CXSourceLocation at)
{
    const char *made = name ? strstr(name, "__") : NULL;
    if (made && made > name)
        *push(r->arena, r->taken, r->ntaken, r->taken_room) =
            (Taken){ take_text(r->arena, name, strlen(name)), offset_of(r, at) };
}

static void take_name_of(Reader *r, CXCursor c)
{
    CXString name = clang_getCursorSpelling(c);
    take_name(r, clang_getCString(name), clang_getCursorLocation(c));
    clang_disposeString(name);
}

/* A macro without parameters changes what asyncc writes where that has its name. */
static void take_macro(Reader *r, CXCursor c)
{
    static const char *const members[] = { "result", "value", "poll" };
    CXString string = clang_getCursorSpelling(c);
    const char *name = clang_getCString(string);
    CXSourceLocation at = clang_getCursorLocation(c);
    take_name(r, name, at);
    int which = reserved_name(name);
    bool is_member = false;
    for (int i = 0; i < 3; i++)
        is_member |= !strcmp(name, members[i]);
    if ((which || is_member) && !clang_Cursor_isMacroFunctionLike(c)) {
        if (which)
            r->tu->macro_name[which - 1] = true;
        else
            *push(r->arena, r->members, r->nmembers, r->members_room) =
                (Taken){ take_text(r->arena, name, strlen(name)), offset_of(r, at) };
    }
    clang_disposeString(string);
}

/* Members of frames can't have other names: other files know them. */
static void check_members(Reader *r)
{
    const Tu *tu = r->tu;
    for (int i = 0; i < r->nmembers; i++) {
        const Taken *macro = &r->members[i];
        int size = (int)strlen(macro->name), from = macro->from < 0 ? 0 : macro->from;
        for (int k = 0; k < tu->nfns; k++) {
            const Fn *fn = tu->fns[k];
            if (!fn->body || fn->body->to < from || is_undefined(tu->source->text, from, fn->body->from, macro->name))
                continue;
            report(r->tu, ERROR, macro->from, macro->from < 0 ? -1 : macro->from + size,
                   "macro '%s' has the name of a member that async functions need", macro->name);
            note(r->tu, fn->decls[0].name_from, fn->decls[0].name_to, "as this does, where it is defined");
            break;
        }
    }
}

static enum CXChildVisitResult take_enumerator(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    take_name_of(data, c);
    return CXChildVisit_Continue;
}

/* What asyncc makes behind f__: init, and labels and temporaries, which have numbers. */
static bool is_made(const char *rest)
{
    static const char *const words[] = { "frame", "init", "start", "resume", "first", "ready", "poll", "cancel", "future", "body", "place", "places",
                                         "name", "spawn", "spawn_local", "block_on", "poll_any", "cancel_any", "start_in",
                                         "poll_in", "cancel_in", "poll_box", "cancel_box", "box", "boxed", "layout", "said", "called",
                                         "self", "cx", "state", "value",
                                         "watched", "checked", "cancel_body", "poll_on", "first_box", "poll_hidden" };
    static const char *const numbered[] = { "continue", "lit", "p", "t", "r", "s", "all", "cancel_all", "" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(rest, words[i]))
            return true;
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++) {
        size_t size = strlen(numbered[i]);
        if (!strncmp(rest, numbered[i], size) && rest[size] && rest[size + strspn(rest + size, "0123456789")] == '\0')
            return true;
    }
    return false;
}

/* f__poll and the like, declared by the program, for an f whose functions are made here. */
static void check_clashes(Reader *r)
{
    for (int i = 0; i < r->ntaken; i++) {
        const Taken *taken = &r->taken[i];
        for (const char *at = taken->name + 1; (at = strstr(at, "__")); at++) {
            Fn *fn = is_made(at + 2) ? find_fn(r, take_text(r->arena, taken->name, (size_t)(at - taken->name))) : NULL;
            if (!fn || fn->is_leaf)
                continue;
            report(r->tu, ERROR, taken->from, taken->from < 0 ? -1 : taken->from + (int)strlen(taken->name),
                   "'%s' clashes with a name that asyncc makes for async function '%s'", taken->name, fn->name);
            break;
        }
    }
}

static enum CXChildVisitResult visit_top(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Top *top = data;
    Reader *r = top->r;
    enum CXCursorKind kind = clang_getCursorKind(c);
    if (clang_isDeclaration(kind))
        take_name_of(r, c);
    else if (kind == CXCursor_MacroDefinition)
        take_macro(r, c);
    if (kind == CXCursor_EnumDecl)
        clang_visitChildren(c, take_enumerator, r);
    switch (kind) {
    case CXCursor_FunctionDecl: {
        int at = offset_of(r, clang_getCursorLocation(c));
        if (at >= 0 || is_async(c)) {
            *push(r->arena, top->functions.v, top->functions.n, top->functions.room) = c;
        } else {
            CXString name = clang_getCursorSpelling(c);
            const char *text = clang_getCString(name);
            size_t size = strlen(text);
            if ((size > 7 && !strcmp(text + size - 7, "__start")) || (size > 8 && !strcmp(text + size - 8, "__resume")) ||
                (size > 5 && !strcmp(text + size - 5, "__box")))
                *push(r->arena, top->starts, top->nstarts, top->starts_room) = c;
            clang_disposeString(name);
        }
        break;
    }
    case CXCursor_StructDecl: {
        CXString name = clang_getCursorSpelling(c);
        const char *text = clang_getCString(name);
        size_t size = strlen(text);
        if (size > 7 && !strcmp(text + size - 7, "__frame") && clang_isCursorDefinition(c)) {
            push(r->arena, top->frames, top->nframes, top->frames_room);
            top->frames[top->nframes - 1].name = take_text(r->arena, text, size);
            top->frames[top->nframes - 1].decl = c;
        }
        clang_disposeString(name);
        break;
    }
    case CXCursor_VarDecl:
        if (offset_of(r, clang_getCursorLocation(c)) >= 0)
            *push(r->arena, top->functions.v, top->functions.n, top->functions.room) = c;
        break;
    case CXCursor_MacroExpansion: {
        CXString expanded = clang_getCursorSpelling(c);
        top->has_blocking |= !strcmp(clang_getCString(expanded), "ac_spawn_blocking");
        clang_disposeString(expanded);
        if (offset_of(r, clang_getCursorLocation(c)) < 0)
            break;
        CXSourceRange range = clang_getCursorExtent(c);
        CXSourceLocation start = clang_getRangeStart(range);
        int from = offset_of(r, start), to = offset_of(r, clang_getRangeEnd(range));
        if (from < 0 || to <= from || !is_spelled(r, start))
            break;
        *push(r->arena, r->tu->calls, r->tu->ncalls, r->tu->calls_room) = (Change){ from, to, NULL };
        break;
    }
    default:
        break;
    }
    return CXChildVisit_Continue;
}

/* `int (*name)(..)` behind an `async`: what it says belongs to the type of a pointer. What else has parentheses isn't
 * anything that calls. */
static bool declares_pointer(const Tu *tu, int at)
{
    const char *text = tu->source->text;
    int size = tu->source->size;
    for (;;) {
        Token token = next_token(text, at, size);
        if (token.kind == T_END || token.kind == T_DIRECTIVE || (token.kind == T_PUNCT && strchr(";,)={}]", text[token.from])))
            return false;
        if (token_is(text, token, "("))
            return true;
        at = token.to;
        Token open = next_token(text, at, size);
        static const char *const skipped[] = { "__attribute__", "_Alignas", "typeof", "__typeof__", "__typeof" };
        for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
            if (token_is(text, token, skipped[i]) && token_is(text, open, "(") && find_closing(text, open.from, size) >= 0)
                at = find_closing(text, open.from, size) + 1;
    }
}

/* `list[await t]`: while `await t` has the type of the handle clang drops the whole subscript, so nobody has seen the await.
 * What is awaited and is no call, nor in a macro's, is a variable: it gets the star that it needs. */
static bool ask_star(Reader *r, Token await)
{
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    int size = tu->source->size;
    Token t = next_token(text, await.to, size);
    if (t.kind != T_NAME || find_call(tu, t.from))
        return false;
    for (t = next_token(text, t.to, size);; t = next_token(text, t.to, size)) {
        if (token_is(text, t, "(") || t.kind == T_END)
            return false;
        if (token_is(text, t, "[")) {
            t.to = find_closing(text, t.from, size) + 1;
            if (t.to <= 0)
                return false;
        } else if (!token_is(text, t, ".") && !token_is(text, t, "->") && t.kind != T_NAME) {
            break;
        }
    }
    ask_insert(tu, await.to, "*");
    return true;
}

/* Every await and async of the text has to be some node's; the parse passes over a stray one. */
static void check_keywords(Reader *r)
{
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    int size = tu->source->size, after_await = -1;
    for (int i = 0; i < tu->source->words.n; i++) {
        if (tu->source->words.v[i].in_directive)
            continue;
        Token token = next_token(text, tu->source->words.v[i].at, size);
        bool await = token_is(text, token, "await"), async = token_is(text, token, "async");
        if (token_is(text, token, "defer") && !is_skipped(tu, token.from))
            report(tu, ERROR, token.from, token.to, "defer is not supported yet");
        if ((await || async) && !r->seen[token.from] && !find_call(tu, token.from) && !is_skipped(tu, token.from)) {
            if (async) {
                Token next = next_token(text, token.to, size);
                if (token_is(text, next, "{"))
                    report(tu, ERROR, token.from, token.to, "async blocks are not supported yet");
                else if (!declares_pointer(tu, token.to) || is_stray_at(r, token.from))
                    report(tu, ERROR, token.from, token.to, "'async' belongs to the declaration of a function");
            } else if (token.from == after_await) {
                report(tu, ERROR, token.from, token.to, "what is awaited is no future: it is awaited already");
            } else if (count_errors(tu) && token_is(text, next_token(text, token.to, size), "ac_spawn_blocking")) {
                continue; /* clang has said why there is no call */
            } else if (!ask_star(r, token)) {
                report(tu, ERROR, token.from, token.to, "'await' before what is no expression");
            }
        }
        if (await)
            after_await = skip_blank(text, token.to, size);
    }
}

/* The end of the last field, in bytes. */
static enum CXVisitorResult find_end(CXCursor field, CXClientData data)
{
    int64_t *end = data;
    *end = clang_Cursor_getOffsetOfField(field) / 8 + clang_Type_getSizeOf(clang_getCursorType(field));
    return CXVisit_Continue;
}

static void find_leaf_frames(Reader *r, Top *top)
{
    Tu *tu = r->tu;
    for (int i = 0; i < tu->nfns; i++) {
        Fn *fn = tu->fns[i];
        if (!fn->is_leaf)
            continue;
        const char *tag = strncmp(fn->frame_type, "struct ", 7) ? fn->frame_type : fn->frame_type + 7;
        for (int k = 0; k < top->nframes; k++) {
            if (strcmp(top->frames[k].name, tag))
                continue;
            CXType type = clang_getCursorType(top->frames[k].decl);
            fn->frame_size = clang_Type_getSizeOf(type);
            fn->frame_align = (int)clang_Type_getAlignOf(type);
        }
        const char *start = take_format(r->arena, "%s__start", fn->name);
        const char *resume = take_format(r->arena, "%s__resume", fn->name), *box = take_format(r->arena, "%s__box", fn->name);
        for (int k = 0; k < top->nstarts; k++) {
            CXString name = clang_getCursorSpelling(top->starts[k]);
            fn->has_start |= !strcmp(clang_getCString(name), start);
            fn->has_resume |= !strcmp(clang_getCString(name), resume);
            fn->has_box |= !strcmp(clang_getCString(name), box);
            clang_disposeString(name);
        }
        for (int k = 0; k < top->nframes && fn->has_box; k++)
            if (!strcmp(top->frames[k].name, tag))
                clang_Type_visitFields(clang_getCursorType(top->frames[k].decl), find_end, &fn->frame_used);
        if (fn->frame_size < 0) {
            const Decl *decl = &fn->decls[0];
            int from = decl->in_text ? decl->name_from : -1, to = decl->in_text ? decl->name_to : -1;
            report(tu, ERROR, from, to, "the frame '%s' of '%s' isn't defined", fn->frame_type, fn->name);
        }
    }
}

static void visit_inclusion(CXFile file, CXSourceLocation *stack, unsigned depth, CXClientData data)
{
    Reader *r = data;
    Tu *tu = r->tu;
    if (!depth)
        return;
    const char *path = copy_string(r, clang_getFileName(file));
    for (int i = 0; i < tu->nincludes; i++)
        if (!strcmp(tu->includes[i], path))
            return;
    int room = tu->includes_room, n = tu->nincludes;
    bool system = (tu->options->deps == DEPS_USER || tu->options->emit == EMIT_JSON) && /* who else would ask */
                  clang_Location_isInSystemHeader(clang_getLocationForOffset(r->unit, file, 0));
    *push(tu->arena, tu->includes, tu->nincludes, tu->includes_room) = path;
    *push(tu->arena, tu->include_is_system, n, room) = system;
    size_t size = strlen(path);
    if (size > 3 && !strcmp(path + size - 3, ".ah")) {
        /* Those that stand in our text have been pasted; this one came through a plain header. */
        CXFile from;
        unsigned line;
        clang_getFileLocation(stack[0], &from, &line, NULL, NULL);
        const char *by = from ? copy_string(r, clang_getFileName(from)) : "";
        report_at(tu, ERROR, (Place){ 0 }, 0, NULL,
                  take_format(r->arena, "%s:%u: a plain header includes '%s'; only .ac and .ah files can", by, line, path));
    }
}

int top_offset(Reader *r, CXCursor c)
{
    int at = offset_of(r, clang_getRangeStart(clang_getCursorExtent(c)));
    const Change *call = at >= 0 ? find_call(r->tu, at) : NULL;
    return at >= 0 ? before_attributes(r->tu->source->text, call ? call->from : at) : -1;
}

static const char *parse_path(const Tu *tu)
{
    return strcmp(tu->options->input, "-") ? tu->options->input : "stdin.c";
}

bool read_functions(Tu *tu)
{
    Reader *r = take(tu->arena, sizeof *r);
    tu->reader = r;
    r->tu = tu;
    r->arena = tu->arena;
    r->type_room = r->known_room = 1024;
    r->types = take(r->arena, r->type_room * sizeof *r->types);
    r->known = take(r->arena, r->known_room * sizeof(Known *));
    r->seen = take(r->arena, (size_t)tu->source->size + 1);
    tu->nfns = tu->noutside = tu->nhard = tu->ninserts = tu->ncalls = tu->nskipped = tu->nincludes = 0;
    tu->nmentions = 0;
    tu->first_use = -1;
    tu->has_main = tu->has_boxes = false;

    static const char *const own[] = {
        "-xc",
        "-D__ASYNCC__=1",
        "-D__asy=__attribute__((preserve_most))", /* AC_ASYNC of plain headers */
        "-fbracket-depth=4096",
        "-ferror-limit=0",
        "-Wno-unknown-warning-option",
        "-Werror=incompatible-function-pointer-types",
    };
    int nown = (int)(sizeof own / sizeof *own), n = 0;
    const char **args = take(r->arena, (size_t)(nown + tu->options->nclang_args) * sizeof *args);
    for (int i = 0; i < tu->options->nclang_args; i++)
        args[n++] = tu->options->clang_args[i];
    for (int i = 0; i < nown; i++)
        args[n++] = own[i];
    struct CXUnsavedFile text = { parse_path(tu), tu->source->parse, (unsigned long)tu->source->parse_size };
    r->index = clang_createIndex(0, 0);
    enum CXErrorCode error =
        clang_parseTranslationUnit2(r->index, parse_path(tu), args, n, &text, 1,
                                    CXTranslationUnit_DetailedPreprocessingRecord, &r->unit);
    if (error) {
        Buf message = { .arena = r->arena };
        add(&message, error == CXError_Crashed ? "libclang crashed on this file" : "libclang can't parse with these options:");
        for (int i = 0; i < tu->options->nclang_args && error != CXError_Crashed; i++)
            add_format(&message, " %s", tu->options->clang_args[i]);
        report_at(tu, ERROR, (Place){ .file = tu->main_file }, 0, NULL, message.text);
        return false;
    }
    r->file = clang_getFile(r->unit, parse_path(tu));
    CXTargetInfo target = clang_getTranslationUnitTargetInfo(r->unit);
    tu->pointer_size = clang_TargetInfo_getPointerWidth(target) / 8;
    clang_TargetInfo_dispose(target);
    find_text(r);
    pass_on_messages(r);
    find_skipped(r);

    Top top = { .r = r };
    clang_visitChildren(clang_getTranslationUnitCursor(r->unit), visit_top, &top);
    sort_calls(tu);
    if (top.has_blocking) /* else one may stand in a macro's body */
        replace_blocking(r, top.functions);
    if (tu->nhard || tu->ninserts) {
        sort_changes(tu->hard, tu->nhard);
        sort_changes(tu->inserts, tu->ninserts);
        return true;
    }
    for (int i = 0; i < top.functions.n; i++) {
        CXCursor c = top.functions.v[i];
        r->top_at = top_offset(r, c);
        if (clang_getCursorKind(c) == CXCursor_VarDecl) {
            clang_visitChildren(c, visit_plain, r);
            continue;
        }
        /* main loses its calling convention, as do functions that clang knows from the C library; the text tells. */
        bool async = is_async(c);
        if (!async) {
            int from = offset_of(r, clang_getRangeStart(clang_getCursorExtent(c)));
            int at = offset_of(r, clang_getCursorLocation(c));
            async = from >= 0 && find_async(tu, from, at) >= 0;
            r->knows_by_text |= async;
        }
        if (async)
            read_async_function(r, c);
        else
            clang_visitChildren(c, visit_plain, r);
    }
    if (r->left_blocking && !top.has_blocking && !tu->nhard && !tu->ninserts)
        replace_blocking(r, top.functions);
    find_leaf_frames(r, &top);
    check_clashes(r);
    check_members(r);
    drop_calls(r);
    sort_changes(tu->mentions, tu->nmentions);
    find_hashed_calls(r);
    for (int i = 0; i < tu->nmentions; i++) {
        const Change *call = find_call(tu, tu->mentions[i].from);
        if (call && call->text)
            ask_expansion(tu, tu->mentions[i].from);
    }
    if (!tu->nhard)
        check_keywords(r);
    if (!tu->nhard && !tu->ninserts && !count_errors(tu))
        check_future_words(r), check_blocking_words(r);
    if (!tu->nhard && !count_errors(tu))
        pass_on_stray(r);
    clang_getInclusions(r->unit, visit_inclusion, r);
    sort_changes(tu->hard, tu->nhard);
    sort_changes(tu->inserts, tu->ninserts);
    return !count_errors(tu);
}

void free_reader(Tu *tu)
{
    if (!tu->reader)
        return;
    if (tu->reader->unit)
        clang_disposeTranslationUnit(tu->reader->unit);
    if (tu->reader->index)
        clang_disposeIndex(tu->reader->index);
    tu->reader = NULL;
}
