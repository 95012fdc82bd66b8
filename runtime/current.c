/* current.c - which executor runs on this thread. A file of its own, because a program that runs none
 * (an elided one) asks too. */
#include "exec.h"

_Thread_local struct ac_exec *ac__current;
