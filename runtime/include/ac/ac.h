/** @file
 *  The whole runtime. */
#ifndef AC_AC_H
#define AC_AC_H
#include <ac/channel.h>
#include <ac/dns.h>
#include <ac/embed.h>
#include <ac/future.h>
#include <ac/io.h>
#include <ac/lines.h>
#include <ac/net.h>
#include <ac/pool.h>
#include <ac/signal.h>
#include <ac/sync.h>
#include <ac/task.h>
#include <ac/time.h>
#endif
