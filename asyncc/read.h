/* read.h - what the files share that read the source through libclang. Nothing of libclang goes
 * further than read.c, messages.c and types.c. */
#ifndef ASYNCC_READ_H
#define ASYNCC_READ_H
#include "asyncc.h"
#include <clang-c/Index.h>

/* The address space that marks ac_task(T) in the parse; runtime/include/ac/task.h has it too. */
enum { TASK_SPACE = 7701 };

typedef struct TypeSlot {
    const void *key;
    Type *type;
} TypeSlot;

/* What a declaration that some name refers to is to us. */
typedef struct Known {
    const void *key;  /* clang's declaration */
    Fn *fn;           /* an async function   */
    Local *local;     /* of the function that is being read */
    enum { KNOWN_OTHER = 1, KNOWN_CONSTANT, KNOWN_SPAWN, KNOWN_BLOCK_ON } what;
    int name_is;      /* 1 + the place of its name in {self, cx, state}, or 0 */
} Known;

typedef struct Reader {
    Tu *tu;
    Arena *arena;
    CXIndex index;
    CXTranslationUnit unit;
    CXFile file; /* the text that is translated */
    TypeSlot *types;
    size_t type_room;
    int ntypes;
    Known *known;
    size_t known_room;
    int nknown;
    /* While a function is read. */
    Fn *fn;      /* null in a plain function */
    Node *scope; /* the innermost block      */
    bool unevaluated;
    unsigned char *seen; /* by offset: an await, async that the parse accounts for */
} Reader;

Type *type_of(Reader *, CXType);
/* libclang's diagnostics of r->unit as ours, the keywords as the user spelled them. */
void pass_on_messages(Reader *);

#endif
