/* library.c - what is known of the C library. First, the functions that compilers know without a declaration:
 * gcc 12's builtins. A function of such a name has one type to them, and they warn of any other. */
#include "asyncc.h"
#include <string.h>

/* In order; those of <math.h> without the forms that end in f and l. */
static const char *const names[] = {
    "_Exit", "_exit", "abort", "abs", "acos", "acosh", "alloca", "asin", "asinh", "atan", "atan2", "atanh", "bcmp",
    "bcopy", "bzero", "cabs", "cacos", "cacosh", "calloc", "carg", "casin", "casinh", "catan", "catanh", "cbrt",
    "ccos", "ccosh", "ceil", "cexp", "cimag", "clog", "clog10", "conj", "copysign", "cos", "cosh", "cpow", "cproj",
    "creal", "csin", "csinh", "csqrt", "ctan", "ctanh", "dcgettext", "dgettext", "drem", "erf", "erfc", "execl",
    "execle", "execlp", "execv", "execve", "execvp", "exit", "exp", "exp10", "exp2", "expm1", "fabs", "fdim",
    "feclearexcept", "fegetenv", "fegetexceptflag", "fegetround", "feholdexcept", "feraiseexcept", "fesetenv",
    "fesetexceptflag", "fesetround", "fetestexcept", "feupdateenv", "ffs", "finite", "floor", "fma", "fmax", "fmin",
    "fmod", "fork", "fprintf", "fputc", "fputc_unlocked", "fputs", "fputs_unlocked", "free", "frexp", "fscanf",
    "fwrite", "fwrite_unlocked", "gamma", "gammaf_r", "gettext", "hypot", "ilogb", "imaxabs", "index", "isalnum",
    "isalpha", "isascii", "isblank", "iscntrl", "isdigit", "isgraph", "isinf", "islower", "isnan", "isprint",
    "ispunct", "isspace", "isupper", "iswalnum", "iswalpha", "iswblank", "iswcntrl", "iswdigit", "iswgraph",
    "iswlower", "iswprint", "iswpunct", "iswspace", "iswupper", "iswxdigit", "isxdigit", "j0", "j1", "jn", "labs",
    "ldexp", "lgamma", "lgamma_r", "lgammaf_r", "lgammal_r", "llabs", "llrint", "llround", "log", "log10", "log1p",
    "log2", "logb", "lrint", "lround", "malloc", "memchr", "memcmp", "memcpy", "memmove", "mempcpy", "memset",
    "modf", "nan", "nearbyint", "nextafter", "nexttoward", "pow", "pow10", "printf", "printf_unlocked", "putc",
    "putc_unlocked", "putchar", "putchar_unlocked", "puts", "puts_unlocked", "realloc", "remainder", "remquo",
    "rindex", "rint", "round", "roundeven", "scalb", "scalbln", "scalbn", "scanf", "significand", "sin", "sincos",
    "sinh", "snprintf", "sprintf", "sqrt", "sscanf", "stpcpy", "stpncpy", "strcasecmp", "strcat", "strchr",
    "strcmp", "strcpy", "strcspn", "strdup", "strfmon", "strftime", "strlen", "strncasecmp", "strncat", "strncmp",
    "strncpy", "strndup", "strnlen", "strpbrk", "strrchr", "strspn", "strstr", "tan", "tanh", "tgamma", "toascii",
    "tolower", "toupper", "towlower", "towupper", "trunc", "vfprintf", "vfscanf", "vprintf", "vscanf", "vsnprintf",
    "vsprintf", "vsscanf", "y0", "y1", "yn",
};

static bool is_listed(const char *name, size_t size)
{
    size_t low = 0, high = sizeof names / sizeof *names;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strncmp(name, names[middle], size);
        if (order == 0 && !names[middle][size])
            return true;
        if (order > 0)
            low = middle + 1;
        else
            high = middle; /* also where the name is only the other one's start */
    }
    return false;
}

bool is_library_name(const char *name)
{
    size_t size = strlen(name);
    bool variant = size > 1 && (name[size - 1] == 'f' || name[size - 1] == 'l');
    return is_listed(name, size) || (variant && is_listed(name, size - 1));
}

/* What the C library does with pointers, by POSIX and the manual pages. In doubt a function is left out, or its
 * parameter is 'k': what is lent by mistake is memory that is written when it is something else. */
typedef struct Classes {
    const char *name, *classes;
} Classes;

static const Classes pointers[] = {
    /* Nothing is kept of what the call is given. */
    { "accept", "-nn" },
    { "access", "n-" },
    { "atof", "n" },
    { "atoi", "n" },
    { "atol", "n" },
    { "atoll", "n" },
    { "bcmp", "nn-" },
    { "bind", "-n-" },
    { "bzero", "n-" },
    { "chdir", "n" },
    { "chmod", "n-" },
    { "clock_gettime", "-n" },
    { "connect", "-n-" },
    { "creat", "n-" },
    { "explicit_bzero", "n-" },
    { "fopen", "nn" },
    { "fprintf", "nn*" },
    { "fputs", "nn" },
    { "fread", "n--n" },
    { "frexp", "-n" },
    { "fscanf", "nn*" },
    { "fstat", "-n" },
    { "fwrite", "n--n" },
    { "getaddrinfo", "nnnn" },
    { "getpeername", "-nn" },
    { "getsockname", "-nn" },
    { "getsockopt", "---nn" },
    { "gettimeofday", "nn" },
    { "inet_pton", "-nn" },
    { "lstat", "nn" },
    { "memcmp", "nn-" },
    { "mkdir", "n-" },
    { "mktime", "n" },
    { "modf", "-n" },
    { "nanosleep", "nn" },
    { "open", "n*" },
    { "perror", "n" },
    { "pipe", "n" },
    { "pipe2", "n-" },
    { "poll", "n--" },
    { "pread", "-n--" },
    { "printf", "nn*" },
    { "puts", "n" },
    { "pwrite", "-n--" },
    { "read", "-n-" },
    { "readlink", "nn-" },
    { "recv", "-n--" },
    { "recvfrom", "-n--nn" },
    { "remove", "n" },
    { "rename", "nn" },
    { "scanf", "nn*" },
    { "select", "-nnnn" },
    { "setsockopt", "---n-" },
    { "sigaction", "-nn" },
    { "sigaddset", "n-" },
    { "sigemptyset", "n" },
    { "sigprocmask", "-nn" },
    { "snprintf", "n-nn*" },
    { "sprintf", "nnn*" },
    { "sscanf", "nnn*" },
    { "stat", "nn" },
    { "strcasecmp", "nn" },
    { "strcmp", "nn" },
    { "strcoll", "nn" },
    { "strcspn", "nn" },
    { "strdup", "n" },
    { "strftime", "n-nn" },
    { "strlen", "n" },
    { "strncasecmp", "nn-" },
    { "strncmp", "nn-" },
    { "strndup", "n-" },
    { "strnlen", "n-" },
    { "strspn", "nn" },
    { "strxfrm", "nn-" },
    { "time", "n" },
    { "unlink", "n" },
    { "write", "-n-" },
    /* The call's value may point to where one of the arguments does. */
    { "fgets", "r-n" },
    { "getcwd", "r-" },
    { "gmtime_r", "nr" },
    { "inet_ntop", "-nr-" },
    { "localtime_r", "nr" },
    { "memchr", "r--" },
    { "memcpy", "rn-" },
    { "memmove", "rn-" },
    { "mempcpy", "rn-" },
    { "memset", "r--" },
    { "stpcpy", "rn" },
    { "strcat", "rn" },
    { "strchr", "r-" },
    { "strcpy", "rn" },
    { "strncat", "rn-" },
    { "strncpy", "rn-" },
    { "strpbrk", "rn" },
    { "strrchr", "r-" },
    { "strstr", "rn" },
    /* An argument outlives the call: in a static variable, in a stream, or through another argument. */
    { "putenv", "k" },
    { "setbuf", "nk" },
    { "setvbuf", "nk--" },
    { "strsep", "kn" },
    { "strtod", "kn" },
    { "strtok", "kn" },
    { "strtok_r", "knn" },
    { "strtol", "kn-" },
    { "strtoll", "kn-" },
    { "strtoul", "kn-" },
    { "strtoull", "kn-" },
};

const char *pointer_classes(const char *name)
{
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++)
        if (*pointers[i].name == *name && !strcmp(pointers[i].name, name))
            return pointers[i].classes;
    return NULL;
}
