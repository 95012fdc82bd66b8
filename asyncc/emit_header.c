/* emit_header.c - --emit=header: the plain C header of what an .ah file declares.
 *
 *     async int fetch(const char *url);
 *
 * becomes
 *
 *     struct fetch__frame { the result, and bytes };
 *     void fetch__init(struct fetch__frame *, const char *url);       and start, poll, cancel, ..
 *     extern const char fetch__layout_5c1f2a90d4e8b736;
 *     AC_ASYNC int fetch(const char *url) AC_FRAME(struct fetch__frame);     to asyncc
 *     static inline int fetch(const char *url) { .. }                        to C: blocks until it is done
 *
 * and all else of the file stays as it stands there; an .ah file that it includes becomes that one's header.
 * The frame's size, alignment and result are those that the definition has in its own file, which is
 * translated for that. Of what else is in it a header can't tell, since the types may be the module's own;
 * so it changes only where the layout does.
 *
 * A header that is older than the module would be memory overwritten. So the module defines f__layout_HASH, of all
 * that both have to agree on, and the header refers to it: the linker finds the two apart. */
#include "lower.h"
#include <ac/future.h>
#include <stdlib.h>
#include <string.h>

/* ---- the layout's name ----------------------------------------------------------------------------------- */

static bool is_in_file(const Tu *tu, const Decl *decl, const char *path)
{
    return decl->in_text && is_same_file(place_of(tu->source, decl->name_from).file->path, path);
}

static bool is_in_ah_file(const Tu *tu, const Decl *decl)
{
    if (!decl->in_text)
        return false;
    const File *file = place_of(tu->source, decl->name_from).file;
    size_t size = strlen(file->path);
    return file != tu->main_file && size > 3 && !strcmp(file->path + size - 3, ".ah");
}

static uint64_t hash_text(uint64_t hash, const char *text) /* Fowler, Noll, Vo: FNV-1a */
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return hash;
}

static const uint64_t first_hash = 0xcbf29ce484222325;

static uint64_t hash_type(Arena *arena, uint64_t hash, const Type *type)
{
    return hash_text(hash, take_format(arena, "; %s %lld %d", declare(arena, type, "", true), (long long)type->size, type->align));
}

const char *layout_symbol(const Fn *fn)
{
    bool shown = false;
    for (int i = 0; i < fn->ndecls && !shown; i++)
        shown = is_in_ah_file(fn->tu, &fn->decls[i]);
    if (!shown || !fn->body || fn->is_static || fn->is_main || fn->is_weak)
        return NULL;
    Arena *arena = fn->tu->arena;
    const Field *result = fn->result_field;
    uint64_t hash = hash_text(first_hash, take_format(arena, "%d %d %lld %lld %d %lld %d", AC__ABI, fn->tu->pointer_size,
                                                      (long long)fn->frame_size, (long long)fn->frame_used, fn->frame_align,
                                                      (long long)(result ? result->offset : -1), result && result->packed));
    hash = hash_type(arena, hash, fn->result);
    for (int i = 0; i < fn->nparams; i++)
        hash = hash_type(arena, hash, fn->params[i]->type);
    return take_format(arena, "%s__layout_%016llx", fn->name, (unsigned long long)hash);
}

/* ---- one function ------------------------------------------------------------------------------------------ */

/* What an .ah file declares, as it is read there and as its module defines it. */
typedef struct Public {
    Fn *fn;
    const Fn *definition;
    const Decl *decl;
    bool silent; /* nothing stands in its place: it was declared before, or is static */
} Public;

/* The words of the user's text as C has them in a header. */
static void add_words(const Tu *tu, int from, int to, Buf *out)
{
    const Words *words = &tu->source->words;
    int at = from;
    for (int i = first_word(tu->source, from); i < words->n && words->v[i].at < to; i++) {
        const Word *word = &words->v[i];
        if (strncmp(tu->source->text + word->at, "async", 5))
            continue;
        add_bytes(out, tu->source->text + at, (size_t)(word->at - at));
        add(out, "AC_ASYNC");
        at = word->at + word->size;
    }
    add_bytes(out, tu->source->text + at, (size_t)(to - at));
}

/* All pointers have one size. */
static void compare_size(const Fn *fn, const Type *type, Buf *out)
{
    if (type->size > 0 && !type->variable_size && !type->is_pointer)
        add_format(out, "\n           && sizeof(%s) == %lld", declare(fn->tu->arena, type, "", true), (long long)type->size);
}

static void add_public_frame(const Public *public, Buf *out)
{
    const Fn *fn = public->fn, *definition = public->definition;
    const Field *result = definition->result_field;
    const char *frame = fn->frame_type, *name = fn->name;
    int64_t at = 0;
    add_format(out, "%s {\n", frame);
    if (result && result->offset)
        add_format(out, "    unsigned char ac__before[%lld];\n", (long long)result->offset);
    if (result) {
        add_format(out, "    %s%s;\n", declare(fn->tu->arena, fn->result, "result", true),
                   result->packed ? " __attribute__((packed))" : "");
        at = result->offset + result->extent;
    }
    /* Up to where the padding begins, in which a frame that holds this one may have fields of its own. */
    if (at < definition->frame_used)
        add_format(out, "    unsigned char ac__after[%lld];\n", (long long)(definition->frame_used - at));
    add_format(out, "} __attribute__((aligned(%d))) AC__FRAME;\n", definition->frame_align);
    /* A compiler of the header has to agree with what laid the frame out on all that both see. */
    add_format(out, "AC__ASSERT(sizeof(%s) == %lld && __alignof__(%s) == %d && sizeof(void *) == %d", frame,
               (long long)definition->frame_size, frame, definition->frame_align, fn->tu->pointer_size);
    if (result) {
        add_format(out, "\n           && __builtin_offsetof(%s, result) == %lld", frame, (long long)result->offset);
        compare_size(fn, fn->result, out);
    }
    for (int i = 0; i < fn->nparams; i++)
        compare_size(fn, fn->params[i]->type, out);
    add_format(out, ", \"asyncc laid out %s for another target\");\n", name);
}

static void add_public(const Public *public, Buf *out)
{
    const Fn *fn = public->fn;
    Arena *arena = fn->tu->arena;
    const char *name = fn->name, *frame = fn->frame_type;
    const Decl *last = &fn->decls[fn->ndecls - 1]; /* whose names the parameters have */
    const char *params = params_text(fn, last, NULL), *comma = *params ? ", " : "";
    const char *plain = declare(arena, fn->result, take_format(arena, "%s(%s)", name, *params ? params : "void"), true);
    Buf announced = { .arena = arena };
    add(&announced, "");
    add_words(fn->tu, public->decl->from, public->decl->to, &announced);
    while (announced.size && strchr("; \t\n", announced.text[announced.size - 1]))
        announced.text[--announced.size] = '\0';

    if (out->size && out->text[out->size - 1] != '\n')
        add(out, "\n");
    add_format(out, "AC__BEGIN_C\n#ifdef AC_ELIDED_H\n%s;\n", plain);
    bool boxed = fn->wants_box || public->definition->wants_box;
    if (boxed)
        add_format(out, "#elif defined __ASYNCC__\n%s;\n", announced.text);
    add(out, "#else\n");
    add_public_frame(public, out);
    const char *layout = layout_symbol(public->definition), *shown = visibility(public->definition);
    add_format(out, "extern %sconst char %s;\nstatic const char *const %s__layout AC__KEPT = &%s;\n", shown, layout, name, layout);
    add_format(out, "%svoid %s__init(%s *%s%s);\n", shown, name, frame, comma, params);
    add_format(out, "%senum ac_poll %s__start(%s *, struct ac_context *%s%s);\n", shown, name, frame, comma, params);
    add_format(out, "%senum ac_poll %s__poll(%s *, struct ac_context *);\n", shown, name, frame);
    add_format(out, "%senum ac_poll %s__cancel(%s *, struct ac_context *);\n", shown, name, frame);
    add_format(out, "%svoid *%s__box(struct ac__boxes *%s%s);\n", shown, name, comma, params);
    add_format(out, "extern %sconst struct ac_future_type %s__future;\n", shown, name);
    if (!boxed)
        add_format(out, "#ifdef __ASYNCC__\n%s AC_FRAME(%s);\n#else\n", announced.text, frame);
    add_format(out, "static inline %s\n{\n    %s ac__frame;\n    %s__init(&ac__frame", plain, frame, name);
    add_names(fn, "", out);
    add_format(out, ");\n    ac_block_on_future(&%s__future, &ac__frame);\n%s}\n", name,
               fn->result->kind == TYPE_VOID ? "" : "    return ac__frame.result;\n");
    add_format(out, "%s#endif\nAC__END_C", boxed ? "" : "#endif\n");
}

/* ---- what can't be said in a header --------------------------------------------------------------------- */

static bool is_in_main_file(const Tu *tu, int offset)
{
    return place_of(tu->source, offset).file == tu->main_file;
}

static void check_words(Tu *tu)
{
    const Words *words = &tu->source->words;
    for (int i = 0; i < words->n; i++) {
        const Word *word = &words->v[i];
        char first = tu->source->text[word->at];
        bool await = !strncmp(tu->source->text + word->at, "await", 5);
        if (!is_in_main_file(tu, word->at) || (!await && first != 'd'))
            continue;
        report(tu, ERROR, word->at, word->at + word->size, "'%s' can't stand in an .ah file that is to be a plain header",
               await ? "await" : "defer");
        note(tu, -1, -1, "only .ac and .ah files have that word");
    }
}

static void check_plain(Tu *tu)
{
    for (int i = 0; i < tu->noutside; i++)
        if (is_in_main_file(tu, tu->outside[i]->from))
            report(tu, ERROR, tu->outside[i]->from, tu->outside[i]->to,
                   "a plain function of an .ah file that is to be a plain header can't do this: asyncc writes no code there");
    for (int i = 0; i < tu->nmentions; i++)
        if (is_in_main_file(tu, tu->mentions[i].from))
            report(tu, ERROR, tu->mentions[i].from, tu->mentions[i].to,
                   "an .ah file that is to be a plain header can't have an async function as a value");
}

static const Fn *find_function(const Tu *tu, const char *name)
{
    for (int i = 0; i < tu->nfns; i++)
        if (!strcmp(tu->fns[i]->name, name))
            return tu->fns[i];
    return NULL;
}

/* The definition, or null after a report at the declaration. */
static const Fn *find_definition(Tu *tu, const Fn *fn, const Decl *decl)
{
    int from = decl->name_from, to = decl->name_to;
    const char *refused = fn->is_main           ? "it is where the program begins"
                          : decl->is_definition ? "it is defined here, and a plain header has no async code"
                          : fn->is_weak         ? "a weak function may be another file's, with another frame"
                                                : NULL;
    const Options *o = tu->options;
    for (int i = 0; i < o->nmodules && !refused; i++) {
        const Fn *found = find_function(tu->modules[i], fn->name);
        if (!found || !found->body || found->is_static)
            continue;
        bool seen = false;
        for (int k = 0; k < found->ndecls; k++)
            seen |= is_in_file(tu->modules[i], &found->decls[k], tu->main_file->path);
        if (found->is_weak)
            refused = "a weak function may be another file's, with another frame";
        else if (seen)
            return found;
        else
            refused = take_format(tu->arena, "'%s' defines it, but doesn't include this file", o->modules[i]);
    }
    if (refused) {
        report(tu, ERROR, from, to, "async function '%s' can't be in a header: %s", fn->name, refused);
        return NULL;
    }
    report(tu, ERROR, from, to, "async function '%s' isn't defined in '%s'%s", fn->name, o->modules[0],
           o->nmodules > 1 ? ", nor in the others that are named" : "");
    note(tu, -1, -1, "its frame isn't known here: name the .ac file that defines it behind the .ah file");
    return NULL;
}

/* ---- the file ---------------------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    const Public *x = a, *y = b;
    return x->decl->from < y->decl->from ? -1 : x->decl->from > y->decl->from;
}

/* The text of the main file alone is written; `at` counts its bytes, to see where files were pasted. Of a declaration
 * that others stand for it is just those. */
typedef struct Writer {
    Tu *tu;
    Buf *out;
    int at;
} Writer;

/* The inclusions in a stretch of the main file that isn't in the source, because others were pasted there. */
static void add_inclusions(Writer *w, int to)
{
    const char *text = w->tu->main_file->text;
    for (Token t = next_directive(text, w->at, to); t.kind != T_END; t = next_directive(text, t.to, to)) {
        const char *end = memmem(text + t.from, (size_t)(t.to - t.from), ".ah", 3);
        if (!end)
            continue;
        add_bytes(w->out, text + t.from, (size_t)(end - (text + t.from)));
        add_format(w->out, ".h%.*s\n", (int)(text + t.to - end) - 3, end + 3);
    }
    w->at = to;
}

static void write_stretch(Writer *w, int from, int to, bool is_public)
{
    const Source *source = w->tu->source;
    for (int i = 0; i < source->nsegs; i++) {
        const Seg *seg = &source->segs[i];
        int end = i + 1 < source->nsegs ? source->segs[i + 1].at : source->size;
        int first = seg->at > from ? seg->at : from, last = end < to ? end : to;
        if (first >= last || seg->file != w->tu->main_file)
            continue;
        int offset = seg->made ? seg->offset : seg->offset + first - seg->at;
        if (offset > w->at)
            add_inclusions(w, offset);
        if (!seg->made)
            w->at = offset + last - first;
        if (!is_public)
            add_words(w->tu, first, last, w->out);
    }
}

/* Made of what the file is about, so that two headers don't share it by chance, and the same wherever it stands. */
static const char *guard_of(Tu *tu, const Public *v, int n)
{
    const char *name = strrchr(tu->main_file->path, '/');
    name = name ? name + 1 : tu->main_file->path;
    uint64_t hash = hash_text(hash_text(first_hash, name), tu->main_file->text);
    for (int i = 0; i < n; i++)
        hash = v[i].silent ? hash : hash_text(hash, layout_symbol(v[i].definition));
    return take_format(tu->arena, "AC__HEADER_%016llx", (unsigned long long)hash);
}

void emit_header(Tu *tu)
{
    Public *v = NULL;
    int n = 0, room = 0, nshown = 0;
    for (int i = 0; i < tu->nfns; i++) {
        Fn *fn = tu->fns[i];
        bool again = false;
        for (int k = 0; k < fn->ndecls; k++) {
            const Decl *decl = &fn->decls[k];
            if (fn->is_leaf || !decl->in_text || !is_in_main_file(tu, decl->name_from))
                continue;
            bool silent = again || (fn->is_static && !decl->is_definition);
            const Fn *definition = silent ? NULL : find_definition(tu, fn, decl);
            if (definition || silent)
                *push(tu->arena, v, n, room) = (Public){ fn, definition, decl, silent };
            nshown += !silent;
            again |= !silent;
        }
    }
    check_words(tu);
    check_plain(tu);
    if (!nshown && !count_errors(tu))
        report_at(tu, ERROR, (Place){ .file = tu->main_file, .line = 1, .column = 1 }, 0, NULL,
                  "this file declares no async function that others may call: there is no header to make");
    if (count_errors(tu))
        return;
    qsort(v, (size_t)n, sizeof *v, by_place);

    Buf *out = &tu->out;
    const char *guard = guard_of(tu, v, n);
    add_format(out, "/* Made by asyncc from %s. */\n#ifndef %s\n#define %s\n#include <ac/future.h>\n", tu->main_file->path, guard, guard);
    add_format(out, "#if AC__ABI != %d\n#error \"asyncc made this header for another version of ac/future.h\"\n#endif\n", AC__ABI);
    add(out, "#ifndef AC_TASK_H /* which declares it, too */\nAC__BEGIN_C\n"
             "void ac_block_on_future(const struct ac_future_type *type, void *frame);\nAC__END_C\n#endif\n");
    Writer w = { .tu = tu, .out = out };
    int at = 0;
    for (int i = 0; i < n; i++) {
        const Decl *decl = v[i].decl;
        write_stretch(&w, at, decl->from, false);
        write_stretch(&w, decl->from, decl->to, true);
        if (!v[i].silent)
            add_public(&v[i], out);
        at = decl->to;
    }
    write_stretch(&w, at, tu->source->size, false);
    add_inclusions(&w, tu->main_file->size);
    if (out->size && out->text[out->size - 1] != '\n')
        add(out, "\n");
    add(out, "#endif\n");
}
