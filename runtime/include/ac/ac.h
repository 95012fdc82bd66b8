/** @file
 *  The whole runtime: a header for each concept, which explains itself.
 *
 *      #include <ac/ac.h>
 *      #include <stdio.h>
 *
 *      static async int later(int n)
 *      {
 *          await ac_sleep(10 * AC_MS);
 *          return n;
 *      }
 *
 *      async int main(void)
 *      {
 *          ac_task(int) a = ac_spawn_local(later(1)), b = ac_spawn_local(later(2));
 *          printf("%d\n", await a + await b);
 *      }
 *
 *  Including it costs a program nothing: of the library is linked what is called. What asyncc's output needs besides
 *  (ac/boxes.h, memory.h, watch.h, wait.h, elided.h) it includes by itself. */
#ifndef AC_AC_H
#define AC_AC_H
#include <ac/blocking.h>
#include <ac/channel.h>
#include <ac/dns.h>
#include <ac/embed.h>
#include <ac/future.h>
#include <ac/io.h>
#include <ac/lines.h>
#include <ac/net.h>
#include <ac/observe.h>
#include <ac/pool.h>
#include <ac/signal.h>
#include <ac/sync.h>
#include <ac/task.h>
#include <ac/time.h>
#endif
