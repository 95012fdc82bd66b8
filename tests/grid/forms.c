/* forms.c - what the grid is made of: expression forms, statement forms, locals, macros.
 *
 * In a form `$x` is a place for an operand of type x (see grid.h), `#` a fresh operand number. In a
 * context `@` is the form. An arithmetic form states the type that C gives it, promotions done. */
#include "grid_gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *type_name(char type)
{
    switch (type) {
    case 'v': return "void";
    case 'b': return "_Bool";
    case 'c': return "char";
    case 'h': return "short";
    case 'i': return "int";
    case 'u': return "unsigned";
    case 'l': return "long long";
    case 'w': return "unsigned long";
    case 'f': return "float";
    case 'd': return "double";
    case 'e': return "enum color";
    case 'p': return "int *";
    case 't': return "const char *";
    case 's': return "struct small";
    case 'S': return "struct big";
    case 'q': return "struct small *";
    case 'Q': return "struct big *";
    case 'F': return "fn2";
    }
    return NULL;
}

const char *tracer_of(char type) { return textf("tr_%c", type); }

const Macro grid_macros[] = {
    { "ONCE", "x", "(x)" },
    { "TWICE", "x, y", "((x) + (y))" },
    { "MAX_OF", "x, y", "({ __auto_type m_ = (x) + 0; __auto_type n_ = (y) + 0; m_ > n_ ? m_ : n_; })" },
    { "DO_TRACE", "t, x", "do { __auto_type m_ = (x); t(m_); t(m_); } while (0)" },
    { "DO_IF", "x, s", "do { if (x) { s; } else { tr_k(77); } } while (0)" },
    { "AWAIT_I", "k", "await aw_i(k)" },
    { "AWAIT_FIXED", NULL, "await hw_i(41)" },
    { "AWAIT_OP", "name, k", "await aw_##name(k)" },
    { "AWAIT_BOTH", "x, y", "(AWAIT_I(x) + AWAIT_I(y))" },
    { "TRACED", "x", "(tr_t(#x), (x))" },
    { "CALL_WITH", "f, ...", "f(__VA_ARGS__)" },
    { "FOR_TWO", "i", "for (int i = 0; i < 2; i++)" },
    { "BEGIN", NULL, "{ int begun_ = await aw_i(51);" },
    { "END", NULL, "tr_i(begun_); }" },
    { "RETURN_IF", "x", "if (x) return" },
    { "FIELD", NULL, ".in.a" },
    { NULL, NULL, NULL },
};

/* clang-format off */
static const Form forms[] = {
    /* unary */
    { 'i', "-$i", 0 }, { 'i', "~$i", FORM_FLAT }, { 'i', "!$i", 0 }, { 'i', "+$c", 0 }, { 'i', "-$h", 0 },
    { 'd', "-$d", 0 }, { 'f', "-$f", 0 }, { 'u', "~$u", FORM_FLAT }, { 'u', "-$u", 0 }, { 'l', "-$l", 0 },
    { 'w', "~$w", FORM_FLAT }, { 'i', "!$p", 0 }, { 'i', "!$d", 0 }, { 'i', "-$b", FORM_FLAT }, { 'i', "!$t", 0 },
    { 'i', "~$c", FORM_FLAT }, { 'i', "- -$i", 0 }, { 'i', "!!$i", 0 }, { 'i', "-~$i", FORM_FLAT },
    { 'i', "$i", FORM_LEAF }, { 'c', "$c", FORM_LEAF }, { 'b', "$b", FORM_LEAF }, { 'e', "$e", FORM_LEAF },
    { 'h', "$h", FORM_LEAF }, { 'f', "$f", FORM_LEAF }, { 'd', "$d", FORM_LEAF }, { 'w', "$w", FORM_LEAF },
    { 'u', "$u", FORM_LEAF }, { 'l', "$l", FORM_LEAF }, { 'p', "$p", FORM_LEAF }, { 't', "$t", FORM_LEAF },
    { 's', "$s", FORM_LEAF }, { 'S', "$S", FORM_LEAF }, { 'q', "$q", FORM_LEAF }, { 'Q', "$Q", FORM_LEAF },
    { 'F', "$F", FORM_LEAF },
    /* precedences side by side */
    { 'i', "$i + $i - $i", 0 }, { 'i', "$i - ($i - $i)", 0 }, { 'i', "$i * $i + $i", FORM_FLAT },
    { 'i', "$i + $i * $i", FORM_FLAT }, { 'i', "-$i * $c - ~$i", FORM_FLAT }, { 'i', "$i + $c < $i - $h", 0 },
    { 'd', "$i + $f * $d", FORM_FLAT }, { 'l', "$i * $l + $c", FORM_FLAT }, { 'i', "($i, $i) + $i", FORM_COMMA | FORM_FLAT },
    { 'i', "($i | $i) & $i", 0 }, { 'i', "$i | ($i ^ $i)", 0 }, { 'i', "($i + $i) * ($i - $i)", FORM_FLAT | FORM_PRODUCT | FORM_NO_COND },
    /* division */
    { 'i', "$i / ($i | 1)", 0 }, { 'i', "$i % ($c | 1)", 0 }, { 'u', "$u / ($u | 1u)", 0 }, { 'u', "$u % ($i | 1)", 0 },
    { 'l', "$l / ($i | 1)", 0 }, { 'd', "$d / ($d + 100)", FORM_FLAT }, { 'f', "$f / ($c + 100)", FORM_FLAT },
    /* shifts */
    { 'i', "$i >> ($i & 7)", 0 }, { 'u', "$u << ($i & 7)", FORM_PRODUCT | FORM_NO_COND }, { 'l', "$l >> ($c & 15)", 0 },
    { 'i', "$c >> ($b & 1)", 0 }, { 'w', "$w << ($u & 31)", FORM_PRODUCT | FORM_NO_COND }, { 'i', "$h >> ($l & 3)", 0 },
    /* pointers */
    { 'p', "$p + ($i & 3)", FORM_ADDRESS }, { 'p', "($i & 3) + $p", FORM_ADDRESS }, { 'p', "$p - ($i & 3)", FORM_ADDRESS }, { 'l', "$p - $p", 0 },
    { 'i', "$p == $p", 0 }, { 'i', "$p < $p", 0 }, { 'i', "$p != &pool[$i & 7]", 0 }, { 'i', "*$p", 0 },
    { 'i', "-*$p", 0 }, { 'i', "*$p + *$p", 0 }, { 'i', "*($p + ($i & 3))", 0 }, { 'i', "$p[$i & 3]", 0 },
    { 'i', "($i & 3)[$p]", 0 }, { 'c', "$t[$i & 3]", 0 }, { 'c', "\"abcdefghij\"[$i & 7]", 0 }, { 'i', "*&*$p", 0 },
    { 'p', "&$p[$i & 3]", FORM_ADDRESS }, { 'p', "&*$p", FORM_ADDRESS }, { 'p', "&a[$i & 7]", FORM_ADDRESS }, { 'p', "&$q->a", FORM_ADDRESS }, { 'p', "&$Q->in.a", FORM_ADDRESS },
    { 'p', "&$Q->arr[$i & 3]", FORM_ADDRESS }, { 'p', "a + ($i & 7)", FORM_ADDRESS }, { 'i', "a[$i & 7]", 0 }, { 'i', "a2[$i & 1][$i & 3]", 0 },
    { 'i', "*a2[$i & 1]", 0 }, { 'p', "a2[$i & 1]", FORM_ADDRESS }, { 'i', "(*&a)[$i & 7]", 0 }, { 'i', "a[a[$i & 7] & 7]", 0 },
    { 'i', "*(a + ($i & 7)) + a[$i & 7]", 0 }, { 'c', "*$t", 0 }, { 't', "$t + ($i & 3)", FORM_ADDRESS },
    /* members */
    { 'i', "$s.a", 0 }, { 'c', "$s.b", 0 }, { 'i', "$s.a + $s.c", 0 }, { 'i', "$S.in.a", 0 }, { 'd', "$S.d", 0 },
    { 'i', "$S.arr[$i & 3]", 0 }, { 's', "$S.in", 0 }, { 'i', "$S.bfu", 0 }, { 'i', "$S.bfs + $i", 0 },
    { 'i', "$S.bfb", 0 }, { 'l', "$S.bfw + $l", 0 }, { 'i', "$q->a", 0 }, { 'i', "(*$q).c", 0 }, { 'i', "$Q->in.a", 0 },
    { 'i', "$Q->arr[$i & 3]", 0 }, { 'c', "$Q->name[$i & 3]", 0 }, { 'i', "$Q->bfu + $Q->bfs", 0 }, { 's', "*$q", 0 },
    { 'i', "S.arr[$i & 3]", 0 }, { 'i', "S.in.a + $i", 0 }, { 'i', "r->a + $i", 0 }, { 'i', "s.b + $c + s.c", 0 },
    { 'i', "S.bfu + $i", 0 }, { 'l', "S.bfw + $i", 0 }, { 'i', "S.bfs - $c", 0 }, { 'i', "($S)FIELD", 0 },
    { 'S', "*$Q", 0 }, { 's', "$Q->in", 0 }, { 'i', "(&$q[0])->a", 0 }, { 'i', "$S.arr[$S.bfu & 3]", 0 },
    /* logic and choice */
    { 'i', "$i && $i", 0 }, { 'i', "$i || $i", 0 }, { 'i', "$i && $i && $i", 0 }, { 'i', "$i || $d || $p", 0 },
    { 'i', "($i && $i) || $i", 0 }, { 'i', "$i && ($i || $i)", 0 }, { 'i', "!($i && $i)", 0 }, { 'i', "$i + ($i && $i)", 0 },
    { 'i', "($i || $i) + ($i && $i)", 0 }, { 'i', "$p && *$p", 0 }, { 'i', "$b && $c", 0 }, { 'i', "$f || $t", 0 },
    { 'i', "($i & 1) && ($i & 1)", 0 }, { 'i', "($i & 1) || ($i & 1)", 0 }, { 'i', "!$b && !$b && !$b", 0 },
    { 'i', "$i ? $i : $i", 0 }, { 'd', "$i ? $c : $d", 0 }, { 'i', "($i & 1) ? $i : $i", 0 }, { 'i', "$i ?: $i", FORM_FLAT },
    { 'i', "($i & 1) ?: $i", FORM_FLAT }, { 'p', "$p ? $p : $p", 0 }, { 'p', "($i & 1) ? $p : a", FORM_ADDRESS }, { 's', "($i & 1) ? $s : $s", 0 },
    { 'S', "$b ? $S : $S", 0 }, { 'i', "($b ? $i : $i) ? $i : $i", 0 }, { 'i', "$b ? $b ? $i : $i : $i", 0 },
    { 'i', "$b ? $i : $b ? $i : $i", 0 }, { 'u', "$b ? $u : 7u", FORM_PRODUCT | FORM_NO_COND }, { 'l', "$b ? $i : $l", 0 }, { 'i', "($b ? $s : $s).a", 0 },
    { 'i', "*($b ? $p : &v)", 0 }, { 'i', "($b ? $F : sub2)($i, $i)", 0 }, { 'd', "$d ?: $i", FORM_FLAT }, { 't', "$b ? $t : \"no\"", FORM_ADDRESS },
    { 'p', "$b ? $p : pool", FORM_ADDRESS }, { 'i', "$d ? $i : ($i, $i)", FORM_COMMA | FORM_FLAT },
    /* comma */
    { 'i', "$v, $i", FORM_COMMA }, { 'i', "(void)$i, $i", FORM_COMMA }, { 'i', "($v, $i) - ($v, $c)", 0 },
    { 'i', "$v, $v, $i + $i", FORM_COMMA | FORM_FLAT }, { 'p', "$v, $p", FORM_COMMA }, { 's', "$v, $s", FORM_COMMA },
    /* plain assignment */
    { 'i', "v = $i", FORM_ASSIGN }, { 'c', "c = $i", FORM_ASSIGN | FORM_FLAT }, { 'i', "a[$i & 7] = $i", FORM_ASSIGN },
    { 'i', "a[$i & 7] = a[$i & 7]", FORM_ASSIGN }, { 'i', "*$p = $i", FORM_ASSIGN }, { 'i', "$q->a = $i", FORM_ASSIGN },
    { 'i', "(*$q).a = $c", FORM_ASSIGN }, { 'h', "$q->c = $h", FORM_ASSIGN }, { 'd', "$Q->d = $f", FORM_ASSIGN },
    { 'i', "S.in.a = $i", FORM_ASSIGN }, { 'i', "S.bfu = $u & 31", FORM_ASSIGN | FORM_FIXED | FORM_NO_COND }, { 'i', "$Q->bfs = $i & 31", FORM_ASSIGN | FORM_NO_COND },
    { 'i', "S.bfb = $i & 1", FORM_ASSIGN | FORM_NO_COND }, { 'l', "$Q->bfw = $l", FORM_ASSIGN | FORM_NO_COND }, { 'i', "v = a[$i & 7] = $i", FORM_ASSIGN },
    { 'i', "*$p = v = *$p = $i", FORM_ASSIGN }, { 's', "s = $s", FORM_ASSIGN }, { 's', "*$q = $s", FORM_ASSIGN },
    { 'S', "*$Q = $S", FORM_ASSIGN }, { 's', "$Q->in = *$q", FORM_ASSIGN }, { 'p', "p = $p", FORM_ASSIGN },
    { 'd', "d = $i", FORM_ASSIGN }, { 'f', "f = $d", FORM_ASSIGN }, { 'b', "b = $i", FORM_ASSIGN | FORM_NO_COND }, { 'e', "e = $e", FORM_ASSIGN },
    { 'i', "a2[$i & 1][$i & 3] = $i", FORM_ASSIGN }, { 'i', "$p[$i & 3] = $i", FORM_ASSIGN }, { 'i', "S.arr[$i & 3] = $i", FORM_ASSIGN },
    { 'i', "$Q->arr[$i & 3] = $i", FORM_ASSIGN }, { 'l', "l = $i", FORM_ASSIGN }, { 'u', "u = $l", FORM_ASSIGN },
    { 'i', "*p++ = $i", FORM_ASSIGN | FORM_FIXED }, { 'i', "*++p = $i", FORM_ASSIGN | FORM_FIXED }, { 'i', "a[v++ & 7] = $i", FORM_ASSIGN },
    { 'i', "a[--v & 7] = $i + $i", FORM_ASSIGN }, { 'F', "fp = $F", FORM_ASSIGN }, { 't', "cs = $t", FORM_ASSIGN },
    { 'i', "v = v + $i", FORM_ASSIGN }, { 'i', "v = $i + v", FORM_ASSIGN }, { 'i', "*lp = $i + v", FORM_ASSIGN },
    { 'i', "vo = $i", FORM_ASSIGN }, { 'i', "(v = $i) + $i", 0 }, { 'i', "$i + (v = $i)", 0 },
    /* compound assignment, beside the products below */
    { 'i', "a[v++ & 7] += $i", FORM_ASSIGN }, { 'p', "p += $i & 1", FORM_ASSIGN | FORM_FIXED }, { 'p', "p -= $i & 1", FORM_ASSIGN | FORM_FIXED },
    { 'i', "c += $c", FORM_ASSIGN | FORM_NO_COND }, { 'i', "h -= $i", FORM_ASSIGN | FORM_NO_COND }, { 'b', "b |= $b", FORM_ASSIGN | FORM_NO_COND }, { 'f', "f *= $d", FORM_ASSIGN | FORM_FIXED },
    { 'i', "S.bfu += $u", FORM_ASSIGN | FORM_FIXED | FORM_NO_COND }, { 'i', "$Q->bfs -= $c", FORM_ASSIGN | FORM_NO_COND }, { 'l', "S.bfw += $i", FORM_ASSIGN | FORM_NO_COND },
    { 'i', "v += a[$i & 7] -= $i", FORM_ASSIGN }, { 'i', "*$p += *$p += $i", FORM_ASSIGN }, { 'i', "vo += $i", FORM_ASSIGN },
    { 'i', "*lp += $i", FORM_ASSIGN }, { 'u', "u <<= $i & 3", FORM_ASSIGN | FORM_NO_COND }, { 'l', "l >>= $i & 3", FORM_ASSIGN },
    /* steps */
    { 'i', "a[v++ & 7] + $i", 0 }, { 'i', "$i + v++", 0 }, { 'i', "v-- + $i", 0 }, { 'i', "++v * $i", FORM_FLAT | FORM_PRODUCT | FORM_NO_COND }, { 'i', "a[$i & 7]++", FORM_ASSIGN },
    { 'i', "--$q->a", FORM_ASSIGN }, { 'i', "(*$p)++ + $i", 0 }, { 'i', "++*$p", FORM_ASSIGN }, { 'i', "$Q->in.a--", FORM_ASSIGN },
    { 'i', "++$Q->bfu", FORM_ASSIGN | FORM_FIXED | FORM_NO_COND }, { 'i', "S.bfs++ + $i", 0 }, { 'd', "$Q->d++ + $d", 0 }, { 'i', "*p++ + $i", FORM_FIXED },
    { 'i', "$i + *--p", FORM_FIXED }, { 'i', "c++ + $c", 0 }, { 'i', "a[$i & 7]-- - a[$i & 7]--", 0 },
    /* calls */
    { 'i', "g1f($i)", 0 }, { 'i', "g2f($i, $i)", 0 }, { 'i', "g3f($i, $d, $c)", 0 }, { 'd', "g4f($d, $h, $u, $l)", FORM_FLAT },
    { 'd', "g4f($i, $i, $i, $i)", FORM_FLAT }, { 'i', "g5f($i, $t, $s, $p, $F)", 0 }, { 'i', "$F($i, $i)", 0 }, { 'i', "(*$F)($i, $i)", 0 },
    { 'i', "fp($i, $i)", 0 }, { 'i', "choose($i)($i, $i)", 0 }, { 's', "mk_s($i, $i)", 0 }, { 'i', "mk_s($i, $i).a", 0 },
    { 's', "both_s($s, $s)", 0 }, { 'i', "of_s($s)", 0 }, { 'i', "of_S($S)", 0 }, { 'i', "of_q($q)", 0 }, { 'S', "mk_S($i, $d)", FORM_FLAT },
    { 'i', "mk_S($i, $d).arr[$i & 3]", FORM_FLAT }, { 'i', "g2f(g2f($i, $i), g1f($i))", 0 }, { 'i', "both_s(*$q, s).a", 0 },
    { 'i', "g2f(v, $i)", 0 }, { 'i', "g2f($i, v)", 0 }, { 'i', "g2f(v++, $i)", 0 }, { 'i', "set_i(#, &v) + $i", 0 }, { 'i', "v + set_i($i, &v)", FORM_FIXED },
    { 'i', "g2f(v, set_i($i, $p))", 0 }, { 'i', "*set_p($i, &p) + $i", FORM_FIXED }, { 'i', "set_s($i, &s).a + s.a + $i", 0 },
    { 'i', "of_s(both_s(mk_s($i, $i), $s))", 0 }, { 'i', "g2f(($v, $i), $i)", 0 }, { 'v', "tr_i($i)", 0 }, { 'v', "tr_S($S)", 0 },
    /* casts */
    { 'c', "(char)$i", FORM_FLAT }, { 'i', "(unsigned char)$i", 0 }, { 'd', "(double)$i / 4", 0 }, { 'i', "(int)$d", FORM_FLAT }, { 'b', "(_Bool)$i", 0 },
    { 'l', "(long long)$u", 0 }, { 'h', "(short)($i + $i)", 0 }, { 'l', "(unsigned)$i + $l", 0 }, { 'e', "(enum color)($i & 1)", FORM_NO_COND },
    { 'i', "(int)(char)($i * 100)", FORM_FLAT | FORM_PRODUCT | FORM_NO_COND }, { 'q', "(struct small *)(void *)$q", 0 }, { 'i', "((struct small *)(void *)$q)->a", 0 },
    { 'i', "(int)$f + (int)$w", FORM_FLAT }, { 'u', "(unsigned)-$i", 0 }, { 'v', "(void)$i", 0 }, { 'v', "(void)($i + $s.a)", 0 },
    /* compound literals */
    { 'i', "(int){ $i }", 0 }, { 's', "(struct small){ $i, $c, $h }", 0 }, { 's', "(struct small){ .c = $h, .a = $i }", 0 },
    { 'i', "(int[]){ $i, $i, 3 }[$i & 1]", 0 }, { 'i', "((struct small){ $i, 1, $h }).a", 0 }, { 'i', "(&(struct small){ $i, 1, $h })->c", 0 },
    { 'p', "(int[4]){ $i, [3] = $i }", FORM_ADDRESS }, { 'S', "(struct big){ .in = { $i, .c = $h }, .d = $d, .arr = { [2] = $i, $i } }", FORM_FLAT },
    { 'i', "of_q(&(struct small){ $i, $c, $h })", 0 }, { 'i', "of_p((int[]){ $i, $i, $i }, 3)", 0 }, { 'i', "*&(int){ $i } + $i", 0 },
    { 'i', "((int){ $i } += $i)", 0 }, { 'i', "of_p((int[2][2]){ { $i, 1 }, { $i, $i } }[1], 2)", 0 }, { 'S', "(struct big){ .in = $s, .bfu = $u & 31, .name = \"x\" }", 0 },
    { 'i', "((struct small[]){ { $i, 1, 2 }, $s })[$i & 1].a", 0 },
    /* not evaluated */
    { 'u', "(unsigned)sizeof($i + $l) + $u", FORM_FLAT }, { 'i', "(int)sizeof(int) * $i", FORM_FLAT | FORM_PRODUCT | FORM_NO_COND }, { 'u', "(unsigned)sizeof $d + $u", FORM_FLAT },
    { 'i', "_Generic($i + 0L, long: 1, default: 2) + $i", FORM_FLAT }, { 'i', "_Generic(0, int: $i, default: $d)", 0 },
    { 'i', "$i - _Generic(0, double: $d, int: $i + v, default: $i) * $i", FORM_FLAT | FORM_PRODUCT | FORM_NO_COND },
    { 's', "_Generic(0, default: $p, int: $s)", 0 }, { 'i', "g2f(_Generic(0, int: $b && $i, long: 2), $i)", 0 },
    { 'i', "_Generic(0, double: d, int: v) = $i", FORM_ASSIGN }, { 'v', "_Generic(0, default: $i, int: $v)", 0 },
{ 'i', "({ __typeof__($h) x_ = 5; x_ + $i; })", 0 },
    /* statement expressions */
    { 'i', "({ int x_ = $i; x_ + $i; })", 0 }, { 'i', "({ $v; $i; }) + $i", 0 }, { 'i', "({ int x_ = ({ int y_ = $i; y_ + 2; }); x_ += $i; x_; })", 0 },
    { 'i', "({ struct small x_ = $s; x_.a += $i; x_; }).a", 0 }, { 'i', "({ int n_ = 0; for (int j_ = 0; j_ < 2; j_++) n_ += $i; n_; })", 0 },
    { 'i', "$i + ({ int x_; if ($i) x_ = $i; else x_ = $c; x_; })", 0 }, { 'p', "({ int *x_ = $p; x_ + ($i & 1); })", 0 },
    { 'i', "g2f(({ $i; }), ({ int x_ = $i; x_; }))", 0 }, { 'i', "({ int x_[2] = { $i, $i }; x_[$i & 1]; })", 0 }, { 'v', "({ $v; $v; })", 0 },
    { 'S', "({ struct big x_ = $S; x_.arr[1] = $i; x_; })", 0 }, { 'i', "({ int x_ = 1; while (x_ < 3 && $i) x_++; x_; }) + $i", 0 },
    { 'i', "({ int y_ = $i; ({ int y_ = $i; y_ - 1; }) + y_; })", 0 },
    /* awaits inside of awaits' arguments */
    { 'i', "await aw_add(#, $i)", 0 }, { 'i', "await aw_add(#, await aw_add(#, $i))", 0 },
    { 'i', "await aw_add(#, await aw_add(#, await aw_add(#, $i)))", 0 }, { 'i', "await aw_2(#, $i, $d) + $i", FORM_FLAT },
    { 'i', "$i + await aw_2(#, $i, $i)", FORM_FLAT }, { 'd', "await aw_5(#, $c, $h, $d, $s, $t)", FORM_FLAT }, { 's', "await aw_s1(#, $s)", 0 },
    { 'S', "await aw_S1(#, $S)", 0 }, { 'i', "(await aw_s1(#, await aw_s1(#, $s))).c", 0 }, { 'i', "(await aw_S1(#, $S)).arr[$i & 3]", 0 },
    { 'p', "await aw_p1(#, $p)", 0 }, { 'i', "*await aw_p1(#, $p)", 0 }, { 'i', "(await aw_p1(#, &a[$i & 3]))[$i & 3]", 0 }, { 'i', "await aw_call(#, $F, $i)", 0 },
    { 'i', "*await aw_p1(#, (int[]){ $i, $i })", 0 }, { 'i', "*await aw_p1(#, &(int){ $i })", 0 },
    { 'i', "(await aw_s1(#, (struct small){ $i, 2, $h })).a", 0 }, { 'i', "await aw_add(#, ({ int x_ = $i; x_ + 1; }))", 0 },
    { 'i', "await aw_add($i, $i)", FORM_FIXED }, { 'i', "await aw_deep(#, $i)", 0 }, { 'i', "-await aw_add(#, -$i)", 0 },
    { 'i', "await aw_add(#, v = $i)", 0 }, { 'i', "await aw_add(#, $b ? $i : $i)", 0 },
    { 'i', "$b ? await aw_add(#, $i) : await aw_2(#, $i, $d)", FORM_FLAT }, { 'i', "await aw_add(#, $i && $i)", 0 },
    /* what an await changes, read to its left and to its right */
    { 'i', "await aw_set(#, &v) + v", 0 }, { 'i', "v + await aw_set(#, &v)", 0 }, { 'i', "v + v * await aw_set(#, &v)", FORM_FIXED },
    { 'i', "v++ + await aw_set(#, &v)", 0 }, { 'i', "a[v & 7] + await aw_set(#, &v)", 0 }, { 'i', "g2f(v, await aw_set(#, &v))", 0 },
    { 'i', "g2f(await aw_set(#, &v), v)", 0 }, { 'i', "v += await aw_set(#, &v)", FORM_ASSIGN }, { 'i', "v -= v + await aw_set(#, &v)", FORM_ASSIGN },
    { 'i', "a[v & 7] = await aw_set(#, &v)", FORM_ASSIGN }, { 'i', "a[v & 7] += await aw_set(#, &v)", FORM_ASSIGN },
    { 'i', "a[await aw_set(#, &v) & 7] = v", FORM_ASSIGN }, { 'i', "s.a + (await aw_sets(#, &s)).a", 0 }, { 'i', "(await aw_sets(#, &s)).c + s.c", 0 },
    { 's', "both_s(s, await aw_sets(#, &s))", 0 }, { 's', "both_s(await aw_sets(#, &s), s)", 0 }, { 's', "s = await aw_sets(#, &s)", FORM_ASSIGN },
    { 'i', "p[await aw_setp(#, &p) & 3]", 0 }, { 'i', "*p + await aw_setp(#, &p)", 0 }, { 'i', "*p = await aw_setp(#, &p)", FORM_ASSIGN },
    { 'i', "*p += await aw_setp(#, &p)", FORM_ASSIGN }, { 'i', "fp(await aw_setf(#, &fp), $i)", 0 }, { 'i', "(*fp)($i, await aw_setf(#, &fp))", 0 },
    { 'd', "d + await aw_setd(#, &d)", 0 }, { 'i', "(int)d + (int)await aw_setd(#, &d)", 0 }, { 'i', "a[0] + await aw_set(#, a)", 0 }, { 'i', "a[await aw_set(#, &a[1]) & 1]", 0 },
    { 'i', "r->a + (await aw_sets(#, r)).a", 0 }, { 'i', "(v ? v : 1) + await aw_set(#, &v)", 0 }, 
    { 'i', "-v + await aw_set(#, &v)", 0 }, { 'i', "!v + await aw_set(#, &v)", 0 }, { 'i', "(char)v + await aw_set(#, &v)", 0 },
    { 'i', "v && await aw_set(#, &v) && v", 0 }, { 'i', "v ? await aw_set(#, &v) : v", 0 }, { 'i', "*&v + await aw_set(#, &v)", 0 },
    { 'i', "*lp + await aw_set(#, &v)", 0 }, { 'i', "v + await aw_set(#, lp) + *lp", 0 }, { 'i', "({ int x_ = v; x_ + await aw_set(#, &v) + v; })", 0 },
    { 'i', "({ v; }) + await aw_set(#, &v)", 0 }, { 'i', "of_p((int[]){ v, await aw_set(#, &v), v }, 3)", 0 }, { 'i', "of_s((struct small){ v, 1, .c = (short)await aw_set(#, &v) })", 0 },
    { 'i', "S.bfs + await aw_set(#, &S.in.a) + S.in.a", 0 }, { 'i', "kc + await aw_set(#, &v) + kc", 0 }, { 'i', "vo + await aw_set(#, &v) + vo", 0 },
    { 'i', "s.a + s.b + await aw_set(#, &s.a)", 0 }, { 'i', "of_p(a, 8) + await aw_set(#, a)", 0 }, 
    /* macros */
    { 'i', "ONCE($i) + $i", 0 }, { 'i', "TWICE($i, $i)", 0 }, { 'i', "MAX_OF($i, $i)", 0 }, { 'i', "MAX_OF(MAX_OF($c, $i), $i)", 0 }, { 'i', "ONCE(ONCE($i))", 0 },
    { 'i', "AWAIT_I(#) + $i", 0 }, { 'i', "$i + AWAIT_FIXED", 0 }, { 'i', "AWAIT_OP(i, #) - $i", 0 }, { 'd', "AWAIT_OP(d, #) - $i", 0 }, { 'i', "AWAIT_BOTH(#, #) + $i", 0 },
    { 'i', "CALL_WITH(g2f, $i, $i)", 0 }, { 'i', "CALL_WITH(g2f, v, $i)", 0 }, { 'i', "TWICE(v, $i)", 0 }, { 'i', "TRACED(v + 1) + $i", 0 }, { 'i', "TRACED(v) + await aw_set(#, &v)", 0 },
    { 'i', "MAX_OF(v, $i)", 0 }, { 'i', "CALL_WITH(await aw_add, #, $i)", 0 }, { 'i', "TWICE(a[$i & 7], a[v & 7])", 0 },
    /* void */
    { 'v', "$v", FORM_LEAF }, { 'v', "$i ? $v : $v", 0 }, { 'v', "($i & 1) ? $v : $v", 0 }, { 'v', "($v, $v)", 0 }, { 'v', "$i ? (void)$i : $v", 0 },
};
/* clang-format on */

/* Operators with operands of mixed types: the type of the result, and the two places. */
static const struct pair {
    char type;
    const char *left, *right;
    const char *ops; /* a letter each, see add_products */
} pairs[] = {
    { 'i', "$i", "$i", "+-*&|^" }, { 'i', "$c", "$h", "+-*&|^" }, { 'i', "$b", "$c", "+-*" },   { 'u', "$u", "$i", "+-*&|^" },
    { 'u', "$c", "$u", "+-*&" },   { 'l', "$l", "$i", "+-&|" },   { 'l', "$u", "$l", "+-" },    { 'w', "$w", "$i", "+-*^" },
    { 'w', "$l", "$w", "+|" },     { 'f', "$f", "$i", "+-*" },    { 'f', "$h", "$f", "+-*" },   { 'd', "$d", "$f", "+-*" },
    { 'd', "$l", "$d", "+-" },     { 'd', "$b", "$d", "*" },      { 'u', "$h", "$e", "+&" },    { 'i', "$h", "$h", "-" },
};

static const struct pair comparisons[] = {
    { 'i', "$i", "$i", "<>lgen" }, { 'i', "$c", "$i", "<e" },  { 'i', "$u", "$u", "<g" }, { 'i', "$d", "$i", "<ln" },
    { 'i', "$l", "$h", ">e" },     { 'i', "$e", "$e", "en" },  { 'i', "$p", "$p", "gn" }, { 'i', "$b", "$b", "e" },
    { 'i', "$f", "$d", "<>" },     { 'i', "$t", "$t", "en" }, { 'i', "$F", "$F", "e" },
};

static const struct {
    char type;
    const char *target, *operand;
} targets[] = {
    { 'i', "v", "$i" },           { 'i', "a[$i & 7]", "$i" }, { 'i', "*$p", "$i" },   { 'i', "$q->a", "$i" },
    { 'i', "a2[$i & 1][2]", "$c" }, { 'i', "S.in.a", "$h" },    { 'u', "u", "$u" },     { 'w', "w", "$i" },
};

static const char *operator_of(char letter)
{
    switch (letter) {
    case 'l': return "<=";
    case 'g': return ">=";
    case 'e': return "==";
    case 'n': return "!=";
    }
    return textf("%c", letter);
}

const Form *get_forms(size_t *count)
{
    static Form *all; /* made once, then constant */
    static size_t n;
    if (!all) {
        all = calloc(1000, sizeof *all);
        if (!all)
            abort();
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
            all[n++] = forms[i];
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
            for (const char *op = pairs[i].ops; *op; op++)
                all[n++] = (Form){ pairs[i].type, textf("%s %c %s", pairs[i].left, *op, pairs[i].right),
                                   *op == '*' ? FORM_FLAT | FORM_NO_COND | FORM_PRODUCT : 0 };
        for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
            for (const char *op = comparisons[i].ops; *op; op++)
                all[n++] = (Form){ 'i', textf("%s %s %s", comparisons[i].left, operator_of(*op), comparisons[i].right), 0 };
        for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
            for (const char *op = "+-*/%&|^<>"; *op; op++) {
                const char *target = targets[i].target, *operand = targets[i].operand;
                bool is_signed = targets[i].type == 'i';
                char *text = textf("%s %c= %s", target, *op, operand);
                if (*op == '/' || *op == '%')
                    text = textf("%s %c= %s | 1", target, *op, operand);
                if (*op == '<' || *op == '>')
                    text = textf("%s %c%c= %s & 3", target, *op, *op, operand);
                /* A negative number cannot be shifted to the left. */
                if (*op == '<' && is_signed)
                    continue;
                all[n++] = (Form){ targets[i].type, text, FORM_ASSIGN | FORM_NO_COND | (*op == '*' ? FORM_FIXED : 0) };
            }
    }
    *count = n;
    return all;
}

#define ARITHMETIC "bcheiulwfd"
#define INTEGER "bcheiulw"
#define SCALAR ARITHMETIC "ptqQF"
#define VALUE SCALAR "sS"

const Context grid_contexts[] = {
    { "statement", "v", "@;", CONTEXT_OPEN },
    { "traced", VALUE, "@t(@);", 0 },
    { "discarded", VALUE, "(void)(@);", 0 },
    { "declared", VALUE, "@T x = @;\n@t(x);", 0 },
    { "declarators", ARITHMETIC, "@T x = 1, y = @, z = y;\n@t(x); @t(y); @t(z);", 0 },
    { "const", VALUE, "@T const x = @;\n@v;\n@t(x);", 0 },
    { "assigned", VALUE, "@T x;\nx = @;\n@t(x);", 0 },
    { "live-across", VALUE, "int x = op_i(#);\nchar y[3] = { 'x', (char)x, 'z' };\n@T z = @;\n@v;\ntr_i(x + y[1] + y[2]);\n@t(z);", 0 },
    { "if", SCALAR, "if (@) tr_i(op_i(#)); else tr_c(op_c(#));", CONTEXT_COND | CONTEXT_OPEN },
    { "if-alone", SCALAR, "if (@)\n{ tr_i(op_i(#)); }\ntr_k(#);", CONTEXT_COND | CONTEXT_OPEN },
    { "if-await", SCALAR, "if (@) tr_i(await aw_i(#)); else @v;", CONTEXT_COND | CONTEXT_OPEN },
    { "else-if", SCALAR, "if (op_i(#) == 90) tr_k(#); else if (@) tr_k(#); else if (@) tr_k(#); else tr_k(#);", CONTEXT_COND },
    { "while", SCALAR, "int n = 0;\nwhile (n++ < 2 && (@)) tr_i(n);", CONTEXT_COND },
    { "while-direct", ARITHMETIC, "while (lim(#) && (@t(@), 1)) { tr_k(#); if (pool[1]++ & 1) continue; tr_k(#); }", 0 },
    { "do", SCALAR, "int n = 0;\ndo { tr_i(n); if (n == 1) continue; tr_k(#); } while ((@) && n++ < 2);", CONTEXT_COND },
    { "do-body", VALUE, "int n = 0;\ndo { @t(@); if (n > 0) break; } while (n++ < 3);", 0 },
    { "for-init", VALUE, "int n = 0;\nfor (@T x = @; n < 2; n++) @t(x);", 0 },
    { "for-init-expression", ARITHMETIC "v", "int n;\nfor (n = 0, (void)(@); n < 2; n++) tr_i(n);", 0 },
    { "for-cond", SCALAR, "for (int n = 0; n < 2 + !(@); n++) { if (n == 1) continue; tr_i(n); }", CONTEXT_COND },
    { "for-step", VALUE, "for (int n = 0; n < 3; n++, @t(@)) { if (n == 1) continue; tr_i(n); }", 0 },
    { "for-step-void", "v", "for (int n = 0; n < 2; n++, @) { tr_i(n); @v; }", 0 },
    { "for-all", ARITHMETIC, "for (int n = (@v, 0); n < 2 + (lim(#) > 5) && (@v, 1); n++, @v) { @t(@); if (n == 5) break; }", 0 },
    { "for-body", VALUE, "for (int n = 0; n < 4; n++) { if (n == 2) continue; @t(@); if (n == 3) break; }", 0 },
    { "for-ever", VALUE, "int n = 0;\nfor (;;) { if (n++ == 2) break; @t(@); }", 0 },
    { "switch", INTEGER, "switch ((int)(@) & 3) {\ncase 0: tr_k(#); break;\ncase 1: tr_k(#); __attribute__((fallthrough));\ndefault: tr_k(#); __attribute__((fallthrough));\ncase 2: tr_k(#);\n}", 0 },
    { "switch-direct", "ciuhl", "switch ((@) + 0) {\ncase 3: tr_k(#); break;\ndefault: { @v; tr_k(#); break; }\ncase 4: case 5: @v;\n}", 0 },
    { "switch-body", VALUE, "for (int n = 0; n < 4; n++) {\nswitch (n) {\ncase 1: @t(@); __attribute__((fallthrough));\ndefault: @v; tr_k(#); break;\ncase 2: continue;\n}\ntr_k(#);\n}", 0 },
    { "return", VALUE, "return @;", CONTEXT_RETURN | CONTEXT_OPEN },
    { "return-early", VALUE, "@T x = @;\nfor (int n = 0; n < 3; n++) { @v; if (n == 1) return x; }\nreturn @;", CONTEXT_RETURN },
    { "block-value", VALUE, "@t(({ tr_k(#); @; }));", CONTEXT_CLOSED },
    { "array", VALUE, "@T x[3] = { [1] = @ };\n@v;\n@t(x[1]);", 0 },
    { "struct", VALUE, "struct { int k; @T x; char m; } y = { .k = op_i(#), .x = @, .m = op_c(#) };\n@v;\ntr_i(y.k); @t(y.x); tr_c(y.m);", 0 },
    { "struct-literal", VALUE, "struct one { @T x; int k; };\n{\nstruct one *y = &(struct one){ @, op_i(#) };\n@v;\n@t(y->x); tr_i(y->k);\n}", 0 },
    { "macro-argument", SCALAR, "DO_TRACE(@t, @);", CONTEXT_MACRO },
    { "macro-condition", SCALAR, "DO_IF(@, tr_k(#));", CONTEXT_COND | CONTEXT_MACRO },
    { "macro-loop", VALUE, "FOR_TWO(n) @t(@);", 0 },
    { "macro-block", VALUE, "BEGIN @t(@); END", 0 },
    { "goto-back", VALUE, "int n = 0;\nagain:\n@t(@);\nif (++n < 2) goto again;", 0 },
    { "goto-into", VALUE, "int n = 0;\ngoto inside;\nwhile (n < 2) {\ntr_k(#);\ninside:\n@t(@);\nn++;\n}", 0 },
    { "goto-out", VALUE, "for (int n = 0; n < 3; n++) { for (int m = 0; m < 2; m++) { @t(@); if (n + m == 2) goto out; } }\nout:\n@v;", 0 },
    { "shadow", VALUE, "int y = op_i(#);\n{ char y = op_c(#); @t(@); { @T y = @; @v; @t(y); } tr_c(y); }\ntr_i(y);", 0 },
    { "second-argument", ARITHMETIC, "tr_i(g2f(op_i(#), (int)(@) & 63));", 0 },
    { "await-argument", ARITHMETIC, "tr_i(await aw_add(#, (int)(@) & 63));", 0 },
    { "middle", SCALAR, "(@) ? tr_k(#) : tr_c(op_c(#));", CONTEXT_COND },
    { "and-right", SCALAR, "tr_i(op_b(#) && (@));", CONTEXT_COND },
    { "or-right", SCALAR, "if (op_b(#) || (@)) tr_k(#);", CONTEXT_COND },
    { "nested-choice", VALUE, "@t(op_b(#) ? (@) : (@));", 0 },
    { "subscript", INTEGER, "tr_i(a[(@) & 7]);", 0 },
    { "vla", INTEGER, "{ int x[((@) & 3) + 1]; x[0] = op_i(#); tr_i(x[0] + (int)sizeof x); }", 0 },
    { "static", VALUE, "static int count = 3;\ncount++;\n@t(@);\ntr_i(count);", 0 },
    { "typed", VALUE, "__auto_type x = @;\n@v;\n@t(x);", 0 },
    { "volatile", ARITHMETIC, "volatile @T x = @;\n@v;\n@t(x);", 0 },
    { "pointed-at", VALUE, "@T x = @;\n@T *y = &x;\n@v;\n@t(*y);\n@v;\n@t(x);", 0 },
    { "loop-local", VALUE, "for (int n = 0; n < 2; n++) { @T x = @; const int y = n * 3; @v; @t(x); tr_i(y); }", 0 },
    { "left-of-comma", VALUE, "tr_i(((void)(@), op_i(#)));", 0 },
    { "void-both", "v", "if (op_b(#)) @; else @;", 0 },
    { "void-comma", "v", "@, tr_k(#), @;", 0 },
    { "void-return", "v", "if (op_b(#)) { @; return; }\n@;", 0 },
    { "unbraced", "v", "for (int n = 0; n < 3; n++) if (n & 1) @; else while (lim(#)) @;", 0 },
    { "dangling", VALUE, "if (op_b(#)) { if (op_b(#)) @t(@); } else @v;", 0 },
    { NULL, NULL, NULL, 0 },
};

const Local grid_locals[] = {
    { "v", 'i', "int v = 5;", "tr_i(v);" },
    { "c", 'c', "char c = 7;", "tr_c(c);" },
    { "h", 'h', "short h = -9;", "tr_h(h);" },
    { "u", 'u', "unsigned u = 4000000000u;", "tr_u(u);" },
    { "l", 'l', "long long l = -7000000000;", "tr_l(l);" },
    { "w", 'w', "unsigned long w = 12345678901ul;", "tr_w(w);" },
    { "f", 'f', "float f = 2.5f;", "tr_f(f);" },
    { "d", 'd', "double d = 1.25;", "tr_d(d);" },
    { "b", 'b', "_Bool b = 1;", "tr_b(b);" },
    { "e", 'e', "enum color e = GREEN;", "tr_e(e);" },
    { "a", 0, "int a[8] = { 1, 4, 1, 5, 9, 2, 6, 5 };", "(void)of_p(a, 8);" },
    { "a2", 0, "int a2[2][4] = { { 3, 1, 4, 1 }, { 5, 9, 2, 6 } };", "(void)of_p(a2[0], 4);\n(void)of_p(a2[1], 4);" },
    { "s", 's', "struct small s = { 3, 'b', -2 };", "tr_s(s);" },
    { "S", 'S', "struct big S = { .arr = { 1, 2, 3, 4, 5, 6 }, .d = 0.5, .in = { 7, 8, 9 }, .bfu = 21, .bfs = -5, .bfb = 1, .bfw = -77777777777, .name = \"local\" };", "tr_S(S);" },
    { "p", 'p', "int *p = &pool[5];", "tr_p(p);" },
    { "r", 'q', "struct small *r = &smalls[3];", "tr_q(r);" },
    { "cs", 't', "const char *cs = \"stuv\";", "tr_t(cs);" },
    { "fp", 'F', "fn2 fp = add2;", "tr_F(fp);" },
    { "kc", 0, "const int kc = 11;", "tr_i(kc);" },
    { "vo", 'i', "volatile int vo = 13;", "tr_i(vo);" },
    { "lp", 0, "int *lp = &v;", "tr_i(*lp);" },
    { NULL, 0, NULL, NULL },
};
