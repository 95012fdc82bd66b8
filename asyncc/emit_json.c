/* emit_json.c - --emit=json: frames, states, edges and calls, for tools. The schema is in json.md.
 *
 * The output is valid JSON, and so valid UTF-8, whatever bytes the source has: a byte that is none of UTF-8
 * becomes U+FFFD. */
#include "asyncc.h"
#include <string.h>

/* What is being written: commas and indentation are put where the structure asks for them. */
typedef struct Json {
    Tu *tu;
    Buf *out;
    int depth;
    bool first;   /* nothing yet in this object or array */
    bool compact; /* on one line */
} Json;

/* Length of the UTF-8 sequence at text, 0 if there is none. */
static int sequence(const unsigned char *text)
{
    unsigned char c = text[0];
    int size = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
    for (int i = 1; i < size; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    if ((c == 0xE0 && text[1] < 0xA0) || (c == 0xED && text[1] > 0x9F) || (c == 0xF0 && text[1] < 0x90) ||
        (c == 0xF4 && text[1] > 0x8F))
        return 0; /* overlong, a surrogate, or past the last character */
    return size;
}

static void add_string(Buf *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    add(out, "\"");
    while (*p) {
        int size = sequence(p);
        if (!size)
            add(out, "\\ufffd");
        else if (*p == '"' || *p == '\\')
            add_format(out, "\\%c", *p);
        else if (*p < ' ' || *p == 0x7F)
            add_format(out, "\\u%04x", *p);
        else
            add_bytes(out, (const char *)p, (size_t)size);
        p += size ? size : 1;
    }
    add(out, "\"");
}

/* Before each member or element; key is null in an array. */
static void begin(Json *j, const char *key)
{
    if (!j->first)
        add(j->out, j->compact ? ", " : ",");
    if (!j->compact)
        add_format(j->out, "\n%*s", 2 * j->depth, "");
    j->first = false;
    if (key) {
        add_string(j->out, key);
        add(j->out, ": ");
    }
}

static void open(Json *j, const char *key, const char *bracket, bool compact)
{
    begin(j, key);
    add(j->out, bracket);
    j->depth++;
    j->first = true;
    j->compact = compact;
}

/* `compact`: how what stands around it is written. */
static void close(Json *j, const char *bracket, bool compact)
{
    bool was_compact = j->compact;
    j->depth--;
    if (!was_compact && !j->first)
        add_format(j->out, "\n%*s", 2 * j->depth, "");
    add(j->out, bracket);
    j->first = false;
    j->compact = compact;
}

static void put_text(Json *j, const char *key, const char *text)
{
    begin(j, key);
    if (text)
        add_string(j->out, text);
    else
        add(j->out, "null");
}

static void put_number(Json *j, const char *key, int64_t number)
{
    begin(j, key);
    add_format(j->out, "%lld", (long long)number);
}

static void put_bool(Json *j, const char *key, bool value)
{
    begin(j, key);
    add(j->out, value ? "true" : "false");
}

static void put_place(Json *j, int offset)
{
    const Source *source = j->tu->source;
    if (!source || !source->nsegs || offset < 0) {
        put_text(j, "file", NULL);
        put_text(j, "line", NULL);
        put_text(j, "column", NULL);
        return;
    }
    Place place = place_of(source, offset);
    put_text(j, "file", place.file ? place.file->path : NULL);
    put_number(j, "line", place.line);
    put_number(j, "column", place.column);
}

static void put_type(Json *j, const Type *type)
{
    put_text(j, "type", type ? show_type(j->tu->arena, type, "") : NULL);
}

/* ---- the facts ---- */

static void put_files(Json *j)
{
    const Tu *tu = j->tu;
    open(j, "files", "[", false);
    for (int i = -1; i < tu->nah_files + tu->nincludes; i++) {
        int include = i - tu->nah_files;
        open(j, NULL, "{", true);
        if (i < 0)
            put_text(j, "path", tu->main_file ? tu->main_file->path : tu->options ? tu->options->input : NULL);
        else
            put_text(j, "path", include < 0 ? tu->ah_files[i]->path : tu->includes[include]);
        put_text(j, "kind",
                 i < 0         ? "main"
                 : include < 0 ? "ah"
                 : tu->include_is_system && tu->include_is_system[include] ? "system"
                                                                          : "header");
        close(j, "}", false);
    }
    close(j, "]", false);
}

static void put_params(Json *j, const Fn *fn)
{
    open(j, "params", "[", false);
    for (int i = 0; i < fn->nparams; i++) {
        open(j, NULL, "{", true);
        put_text(j, "name", fn->params[i]->name);
        put_type(j, fn->params[i]->type);
        close(j, "}", false);
    }
    close(j, "]", false);
}

static void put_calls(Json *j, const Fn *fn)
{
    open(j, "calls", "[", true);
    for (int i = 0; i < fn->nawaits; i++) {
        const Fn *callee = fn->awaits[i]->callee;
        bool is_new = callee && !callee->is_pointer;
        for (int k = 0; k < i && is_new; k++)
            is_new = fn->awaits[k]->callee != callee;
        if (is_new)
            put_text(j, NULL, callee->name);
    }
    close(j, "]", false);
}

static void put_locals(Json *j, const Fn *fn)
{
    static const char *const kinds[] = { [LOCAL_PARAM] = "param", [LOCAL_VAR] = "variable",
                                         [LOCAL_TEMP] = "temporary", [LOCAL_LITERAL] = "literal",
                                         [LOCAL_BOUND] = "bound",    [LOCAL_TYPEDEF] = "typedef",
                                         [LOCAL_STATIC] = "static" };
    static const char *const homes[] = { [HOME_STACK] = "stack", [HOME_SAVED] = "saved", [HOME_PLACED] = "placed" };
    open(j, "locals", "[", false);
    for (int i = 0; i < fn->nlocals; i++) {
        const Local *local = fn->locals[i];
        open(j, NULL, "{", true);
        put_text(j, "name", local->name);
        put_text(j, "kind", kinds[local->kind]);
        put_type(j, local->type);
        put_text(j, "home", homes[local->home]);
        put_text(j, "field", local->slot ? local->slot->name : NULL);
        put_place(j, local->from);
        close(j, "}", false);
    }
    close(j, "]", false);
}

static void put_frame(Json *j, const Fn *fn)
{
    static const char *const kinds[] = { [FIELD_LOCAL] = "local", [FIELD_CHILD] = "child", [FIELD_RESULT] = "result",
                                         [FIELD_STATE] = "state", [FIELD_BLOCKS] = "blocks",
                                         [FIELD_WATCH] = "watch" };
    if (fn->is_all || fn->frame_size < 0 || (!fn->body && !fn->is_leaf)) {
        put_text(j, "frame", NULL);
        return;
    }
    open(j, "frame", "{", false);
    put_text(j, "type", fn->frame_type ? fn->frame_type : take_format(j->tu->arena, "struct %s__frame", fn->name));
    put_number(j, "size", fn->frame_size);
    put_number(j, "used", fn->is_leaf && !fn->frame_used ? fn->frame_size : fn->frame_used);
    put_number(j, "align", fn->frame_align);
    open(j, "fields", "[", false);
    for (int i = 0; i < fn->nfields; i++) {
        const Field *field = &fn->fields[i];
        open(j, NULL, "{", true);
        put_text(j, "name", field->name);
        put_text(j, "kind", kinds[field->kind]);
        put_number(j, "offset", field->offset);
        put_number(j, "size", field->size);
        put_number(j, "extent", field->extent);
        put_number(j, "align", field->align);
        if (field->kind == FIELD_CHILD) {
            const Fn *callee = field->await->callee;
            const char *type = !callee              ? "struct ac_await__frame"
                               : callee->frame_type ? callee->frame_type
                                                    : take_format(j->tu->arena, "struct %s__frame", callee->name);
            put_text(j, "type", field->await->boxed ? take_format(j->tu->arena, "%s *", type) : type);
        } else {
            put_type(j, field->type);
        }
        put_text(j, "local", field->local ? field->local->name : NULL);
        open(j, "live", "[", true);
        for (int state = 0; state <= fn->nawaits; state++)
            if (has_bit(field->live, state))
                put_number(j, NULL, state);
        close(j, "]", true);
        close(j, "}", false);
    }
    close(j, "]", false);
    close(j, "}", false);
}

static void put_states(Json *j, const Fn *fn)
{
    open(j, "states", "[", false);
    for (int state = 0; state <= fn->nawaits + 1; state++) {
        const Await *await = state && state <= fn->nawaits ? fn->awaits[state - 1] : NULL;
        open(j, NULL, "{", true);
        put_number(j, "state", state);
        put_text(j, "kind", await ? "await" : state ? "done" : "start");
        if (await) {
            put_text(j, "callee", await->callee && !await->callee->is_pointer ? await->callee->name : NULL);
            put_type(j, await->type);
            put_bool(j, "reached", await->reached);
            put_bool(j, "boxed", await->boxed);
            put_place(j, await->node->from);
            open(j, "live", "[", true);
            for (int i = 0; i < fn->nlocals; i++)
                if (has_bit(await->live, i))
                    put_text(j, NULL, fn->locals[i]->name);
            close(j, "]", true);
        }
        close(j, "}", false);
    }
    close(j, "]", false);
}

static void put_edges(Json *j, Fn *fn)
{
    int nedges;
    const Edge *edges = find_edges(fn, &nedges);
    open(j, "edges", "[", false);
    for (int i = 0; i < nedges; i++) {
        open(j, NULL, "{", true);
        put_number(j, "from", edges[i].from);
        put_number(j, "to", edges[i].to);
        open(j, "conditions", "[", true);
        for (int k = 0; k < edges[i].npaths; k++)
            put_text(j, NULL, edges[i].paths[k]);
        close(j, "]", true);
        put_bool(j, "more", edges[i].more);
        close(j, "}", false);
    }
    close(j, "]", false);
}

static void put_function(Json *j, Fn *fn)
{
    const Decl *decl = NULL;
    for (int i = 0; i < fn->ndecls; i++)
        if (!decl || fn->decls[i].is_definition)
            decl = &fn->decls[i];
    open(j, NULL, "{", false);
    put_text(j, "name", fn->name);
    put_text(j, "kind", fn->body ? "defined" : fn->is_leaf ? "leaf" : "declared");
    put_place(j, decl && decl->in_text ? decl->name_from : -1);
    put_bool(j, "static", fn->is_static);
    put_text(j, "result", fn->result ? declare(j->tu->arena, fn->result, "", false) : NULL);
    put_frame(j, fn);
    if (fn->body) {
        put_params(j, fn);
        put_calls(j, fn);
        put_locals(j, fn);
        put_states(j, fn);
        put_edges(j, fn);
    }
    close(j, "}", false);
}

/* Of the functions that are only declared, a header may have hundreds: those that are called count. */
static bool is_called(const Tu *tu, const Fn *fn)
{
    if (fn->spawned || fn->blocked_on)
        return true;
    for (int i = 0; i < tu->nfns; i++)
        for (int k = 0; k < tu->fns[i]->nawaits; k++)
            if (tu->fns[i]->awaits[k]->callee == fn)
                return true;
    return false;
}

void emit_json(Tu *tu)
{
    Json j = { .tu = tu, .out = &tu->out, .depth = 1, .first = true };
    add(&tu->out, "{");
    put_number(&j, "version", 1);
    put_files(&j);
    open(&j, "functions", "[", false);
    for (int i = 0; i < tu->nfns; i++)
        if (tu->fns[i]->body || is_called(tu, tu->fns[i]))
            put_function(&j, tu->fns[i]);
    close(&j, "]", false);
    add(&tu->out, "\n}\n");
}
