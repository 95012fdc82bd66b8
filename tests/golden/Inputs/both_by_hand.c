/* both(n) drives two of tree(n), without a call that asyncc knows of. */
#include <stdlib.h>

void both__init(struct both__frame *self, int n)
{
    for (int i = 0; i < 2; i++) {
        self->child[i] = malloc(sizeof(struct tree__frame));
        tree__init(self->child[i], n);
    }
    self->result = 0;
}

static enum ac_poll advance(struct both__frame *self, struct ac_context *cx,
                            enum ac_poll (*step)(struct tree__frame *, struct ac_context *), int takes)
{
    enum ac_poll all = AC_READY;
    for (int i = 0; i < 2; i++) {
        if (self->child[i] == NULL)
            continue;
        switch (step(self->child[i], cx)) {
        case AC_READY:
            if (takes)
                self->result += self->child[i]->result;
            free(self->child[i]);
            self->child[i] = NULL;
            break;
        case AC_PENDING:
            all = AC_PENDING;
            break;
        }
    }
    return all;
}

enum ac_poll both__poll(struct both__frame *self, struct ac_context *cx) { return advance(self, cx, tree__poll, 1); }
enum ac_poll both__cancel(struct both__frame *self, struct ac_context *cx) { return advance(self, cx, tree__cancel, 0); }
