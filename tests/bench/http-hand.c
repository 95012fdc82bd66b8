/* http-hand PORT - as http.ac, for one thread: an answer for each end of a request. */
#include "http.h"
#include "server.h"

static bool serve(struct connection *connection, const char *data, size_t size)
{
    uint32_t last = connection->last;
    for (size_t i = 0; i < size; i++) {
        last = last << 8 | (unsigned char)data[i];
        if (last == END_OF_REQUEST && !write_all(connection->s, http_answer, sizeof http_answer - 1))
            return false;
    }
    connection->last = last;
    return true;
}
