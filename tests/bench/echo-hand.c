/* echo-hand PORT - as echo.ac, for one thread: writes once per read. */
#include "server.h"

static bool serve(struct connection *connection, const char *data, size_t size)
{
    return write_all(connection->s, data, size);
}
