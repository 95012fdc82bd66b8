/* fuzz.c - asyncc under libFuzzer: any bytes at all are translated, and what is accepted has to be C.
 *
 * A crash, a hang, a sanitizer's report is asyncc's. So is an output that clang refuses: a program that
 * can't be translated is to be refused with its place. The size of the input chooses what is emitted. */
#define main asyncc_main
#include "../../asyncc/main.c"
#undef main
#include <clang-c/Index.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *nowhere;
static const char *const flags[] = { "-std=gnu17", "-I", ASYNCC_INCLUDE_DIR, "-w" };
enum { NFLAGS = sizeof flags / sizeof *flags };

/* As load() in source.c makes one. */
static File *file_of(Arena *arena, const uint8_t *data, size_t size)
{
    File *file = take(arena, sizeof *file);
    file->path = "fuzz.ac";
    file->quoted = "\"fuzz.ac\"";
    file->text = take_text(arena, (const char *)data, size);
    file->size = (int)size;
    int room = 0;
    *push(arena, file->line_at, file->nlines, room) = 0;
    for (size_t i = 0; i < size; i++)
        if (file->text[i] == '\n')
            *push(arena, file->line_at, file->nlines, room) = (int)i + 1;
    return file;
}

static void check_is_c(const Tu *tu)
{
    struct CXUnsavedFile text = { "out.c", tu->out.text ? tu->out.text : "", (unsigned long)tu->out.size };
    CXIndex index = clang_createIndex(0, 0);
    CXTranslationUnit unit;
    if (clang_parseTranslationUnit2(index, "out.c", flags, NFLAGS, &text, 1, 0, &unit)) {
        clang_disposeIndex(index);
        return; /* libclang's own crash */
    }
    for (unsigned i = 0; i < clang_getNumDiagnostics(unit); i++) {
        CXDiagnostic message = clang_getDiagnostic(unit, i);
        if (clang_getDiagnosticSeverity(message) >= CXDiagnostic_Error) {
            CXString said = clang_formatDiagnostic(message, clang_defaultDiagnosticDisplayOptions());
            fprintf(stderr, "asyncc's output is no C: %s\n", clang_getCString(said));
            __builtin_trap();
        }
        clang_disposeDiagnostic(message);
    }
    clang_disposeTranslationUnit(unit);
    clang_disposeIndex(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum emit kinds[] = { EMIT_C, EMIT_C, EMIT_C, EMIT_C, EMIT_JSON, EMIT_DOT, EMIT_FRAMES, EMIT_ELIDED };
    if (!nowhere) {
        setenv("LIBCLANG_NOTHREADS", "1", 1);
        nowhere = fopen("/dev/null", "w");
    }
    Arena *arena = new_arena();
    Options options = { 0 };
    char *argv[] = { "asyncc", "-std=gnu17", "-I", ASYNCC_INCLUDE_DIR, "fuzz.ac", "-o", "out.c", NULL };
    if (read_options(arena, sizeof argv / sizeof *argv - 1, argv, &options) >= 0)
        __builtin_trap();
    options.emit = kinds[size % (sizeof kinds / sizeof *kinds)];
    Tu tu = { .arena = arena, .scratch = new_arena(), .options = &options, .out = { .arena = arena } };
    tu.main_file = file_of(arena, data, size);
    int status = read_source(&tu) ? emit(&tu) : 1;
    print_diagnostics(&tu, nowhere);
    if (status > 0 && !count_errors(&tu))
        __builtin_trap(); /* refused without a word */
    if (status < 0 && !count_errors(&tu) && options.emit == EMIT_C)
        check_is_c(&tu);
    free_reader(&tu);
    free_arena(tu.scratch);
    free_arena(arena);
    return 0;
}
