/* http.h - as much of HTTP as the servers of http and their load know: where a request ends, and the answer to any. */
#ifndef HTTP_H
#define HTTP_H

/* The last four characters of a request, as a number. */
enum { END_OF_REQUEST = '\r' << 24 | '\n' << 16 | '\r' << 8 | '\n' };

static const char http_answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

#endif
