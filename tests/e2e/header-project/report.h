/* report.h - a type that the module and its users share. */
#ifndef REPORT_H
#define REPORT_H
struct report {
    int sum, turns;
};
#endif
