# Writes an async program of many awaits and deep nesting; it exits with 0 if their sum is right.
BEGIN {
    print "#include <ac/task.h>"
    print "static async int get(int n) { await ac_yield_now(); return n; }"
    print "static async long many(int n)\n{\n    long sum = 0;"
    for (i = 1; i <= 1200; i++)
        print "    sum += n * await get(" i ");"
    print "    return sum;\n}"
    print "static async long deep(int n)\n{\n    long sum = 0;"
    for (i = 1; i <= 300; i++)
        print "    { int v" i " = await get(n + " i ");"
    for (i = 300; i >= 1; i--)
        print "    sum += v" i "; sum += await get(1); }"
    print "    return sum;\n}"
    print "async int main(void) { return await many(2) != 1441200 || await deep(1) != 45750; }"
}
