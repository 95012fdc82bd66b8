/* Embedded executors in GLib's main loop: each a source, which is due when its descriptor is readable or its deadline
 * has come. */
#include <ac/ac.h>
#include <glib.h>

static void drive(struct ac_exec **execs, int n);
#include "embedding.h"

struct guest {
    GSource source; /* first: GLib allocates the whole */
    struct ac_exec *exec;
    gpointer watch;
};

static gboolean prepare(GSource *source, gint *timeout_ms)
{
    *timeout_ms = ac_exec_timeout_ms(((struct guest *)source)->exec);
    return *timeout_ms == 0;
}

static gboolean is_due(GSource *source)
{
    struct guest *guest = (struct guest *)source;
    return g_source_query_unix_fd(source, guest->watch) != 0 || ac_exec_timeout_ms(guest->exec) == 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    (void)callback;
    (void)data;
    ac_exec_run(((struct guest *)source)->exec);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs functions = { .prepare = prepare, .check = is_due, .dispatch = dispatch };

static void drive(struct ac_exec **execs, int n)
{
    GMainContext *context = g_main_context_new();
    GSource *sources[NEXECS];
    for (int i = 0; i < n; i++) {
        sources[i] = g_source_new(&functions, sizeof(struct guest));
        struct guest *guest = (struct guest *)sources[i];
        guest->exec = execs[i];
        guest->watch = g_source_add_unix_fd(sources[i], ac_exec_fd(execs[i]), G_IO_IN);
        g_source_attach(sources[i], context);
    }
    size_t ntasks;
    do {
        ntasks = 0;
        for (int i = 0; i < n; i++)
            ntasks += ac_exec_tasks(execs[i]);
        if (ntasks > 0)
            g_main_context_iteration(context, TRUE);
    } while (ntasks > 0);
    for (int i = 0; i < n; i++) {
        g_source_destroy(sources[i]);
        g_source_unref(sources[i]);
    }
    g_main_context_unref(context);
}

int main(void)
{
    const TTest *const tests[] = { CASES };
    return run_suite("embed in GLib", tests, COUNT(tests), NULL, 0);
}
