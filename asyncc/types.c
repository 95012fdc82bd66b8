/* types.c - libclang's types as the model's: how to print a declaration, and how big it is.
 *
 *     CXType of `int (*p)[3]`      before "int (*", after ")[3]", size 8
 *
 * clang prints a type, not a declaration of a name, so declarators are printed here, inside out.
 * Typedef names stay; what has no spelling that could stand at file level (typeof, auto, typedefs and
 * enums of a function's own) is printed as the type that it stands for. Structs have no such type: those
 * that are a function's own, or have no name, come as Tags. */
#include "read.h"
#include <string.h>

static const char *type_text(Reader *r, CXType type)
{
    CXString string = clang_getTypeSpelling(type);
    const char *text = clang_getCString(string);
    char *copy = take_text(r->arena, text, strlen(text));
    clang_disposeString(string);
    return copy;
}

bool is_function_local(CXCursor decl)
{
    CXCursor parent = clang_getCursorSemanticParent(decl);
    enum CXCursorKind kind = clang_getCursorKind(parent);
    if (kind == CXCursor_StructDecl || kind == CXCursor_UnionDecl)
        return is_function_local(parent);
    return kind == CXCursor_FunctionDecl;
}

/* A function's own, or hidden by one. */
static bool is_hidden_typedef(Reader *r, CXCursor decl)
{
    return is_function_local(decl) || (r->fn && r->hides_types && has_own_typedef(r, decl));
}

/* The type with what can't be printed at file level taken off. */
static CXType printable(Reader *r, CXType type)
{
    for (;;) {
        CXType next = type;
        switch (type.kind) {
        case CXType_Typedef:
            if (is_hidden_typedef(r, clang_getTypeDeclaration(type)))
                next = clang_getTypedefDeclUnderlyingType(clang_getTypeDeclaration(type));
            break;
        case CXType_Elaborated:
            if (clang_Type_getNamedType(type).kind == CXType_Typedef &&
                is_hidden_typedef(r, clang_getTypeDeclaration(type)))
                next = clang_getTypedefDeclUnderlyingType(clang_getTypeDeclaration(type));
            break;
        case CXType_Unexposed:
        case CXType_Auto:
        case CXType_Attributed:
            next = clang_getCanonicalType(type);
            break;
        default:
            break;
        }
        if (next.kind == type.kind && clang_equalTypes(next, type))
            return type;
        type = next;
    }
}

typedef struct Declarator {
    const char *before, *after;
    const char *unnamed; /* why it can't be printed, or null */
    TagUse *tags;
    BoundUse *bounds;
    bool bound_unknown;
} Declarator;

static void add_tags(Reader *r, TagUse **tags, const TagUse *more)
{
    for (; more; more = more->next) {
        TagUse *use = take(r->arena, sizeof *use);
        *use = (TagUse){ more->tag, *tags };
        *tags = use;
    }
}

/* `enum { A, B }` as the integer type that it is compatible with. */
static CXType integer_of(CXType type)
{
    CXType integer = clang_getEnumDeclIntegerType(clang_getTypeDeclaration(type));
    return integer.kind == CXType_Invalid ? type : integer;
}

static const char *qualifiers(CXType type, bool bare)
{
    static const char *const spelled[] = {
        "", "const ", "volatile ", "const volatile ", "restrict ", "const restrict ", "volatile restrict ",
        "const volatile restrict ",
    };
    unsigned which = (clang_isConstQualifiedType(type) && !bare ? 1u : 0u) |
                     (clang_isVolatileQualifiedType(type) ? 2u : 0u) |
                     (clang_isRestrictQualifiedType(type) ? 4u : 0u);
    return spelled[which];
}

static bool is_async_type(CXType type)
{
    return clang_getFunctionTypeCallingConv(clang_getCanonicalType(type)) == CXCallingConv_PreserveMost;
}

/* `inner` so far stands around the name; bare: leave out the const of this level. */
static Declarator print(Reader *r, CXType type, const char *before, const char *after, bool bare)
{
    type = printable(r, type);
    switch (type.kind) {
    case CXType_Pointer: {
        CXType target = clang_getPointeeType(type);
        CXType seen = printable(r, target);
        bool brackets = seen.kind == CXType_ConstantArray || seen.kind == CXType_IncompleteArray ||
                        seen.kind == CXType_VariableArray || seen.kind == CXType_FunctionProto ||
                        seen.kind == CXType_FunctionNoProto;
        if (clang_getAddressSpace(target) == TASK_SPACE) {
            const char *quals = qualifiers(type, bare);
            return (Declarator){ .before = take_format(r->arena, "%sac_task__handle %s", quals, before), .after = after };
        }
        if (clang_getAddressSpace(target) == FUTURE_SPACE) { /* for messages: no C has it */
            const char *of = declare(r->arena, type_of(r, clang_getUnqualifiedType(target)), "", false);
            return (Declarator){ .before = take_format(r->arena, "ac_future(%s) %s", of, before), .after = after };
        }
        const char *quals = qualifiers(type, bare);
        before = take_format(r->arena, "%s*%s%s", brackets ? "(" : "", quals, before);
        if (brackets)
            after = take_format(r->arena, "%s)", after);
        return print(r, target, before, after, false);
    }
    case CXType_ConstantArray:
        after = take_format(r->arena, "%s[%lld]", after, clang_getArraySize(type));
        return print(r, clang_getArrayElementType(type), before, after, bare);
    case CXType_VariableArray: {
        Local *bound = find_known(r, array_key(type))->bound;
        after = take_format(r->arena, "%s[%s]", after, bound ? bound->name : "");
        Declarator d = print(r, clang_getArrayElementType(type), before, after, bare);
        if (!bound) {
            d.bound_unknown = true;
            return d;
        }
        BoundUse *use = take(r->arena, sizeof *use);
        *use = (BoundUse){ bound, d.bounds };
        d.bounds = use;
        return d;
    }
    case CXType_IncompleteArray:
        after = take_format(r->arena, "%s[]", after);
        return print(r, clang_getArrayElementType(type), before, after, bare);
    case CXType_FunctionProto:
    case CXType_FunctionNoProto: {
        Buf text = { .arena = r->arena };
        add(&text, after);
        add(&text, "(");
        int n = clang_getNumArgTypes(type);
        const char *unnamed = NULL;
        TagUse *tags = NULL;
        for (int i = 0; i < n; i++) {
            Declarator param = print(r, clang_getArgType(type, (unsigned)i), "", "", false);
            add_format(&text, "%s%s%s", i ? ", " : "", param.before, param.after);
            if (param.unnamed)
                unnamed = param.unnamed;
            add_tags(r, &tags, param.tags);
        }
        if (clang_isFunctionTypeVariadic(type) && type.kind == CXType_FunctionProto)
            add(&text, n ? ", ..." : "...");
        else if (!n && type.kind == CXType_FunctionProto)
            add(&text, "void");
        add(&text, ")");
        Declarator result = print(r, clang_getResultType(type), before, text.text, false);
        if (unnamed)
            result.unnamed = unnamed;
        add_tags(r, &result.tags, tags);
        return result;
    }
    default: {
        Declarator d = { .after = after };
        CXCursor decl = clang_getTypeDeclaration(type);
        enum CXCursorKind kind = clang_getCursorKind(decl);
        bool tag = kind == CXCursor_StructDecl || kind == CXCursor_UnionDecl || kind == CXCursor_EnumDecl;
        const char *text = type_text(r, bare ? clang_getUnqualifiedType(type) : type);
        if (bare && clang_isVolatileQualifiedType(type))
            text = take_format(r->arena, "volatile %s", text);
        bool nameless = strstr(text, "(unnamed ") || strstr(text, "(anonymous ");
        bool hidden = tag && r->fn && r->hides_types && has_other_tag(r, decl);
        if (tag && (nameless || clang_Cursor_isAnonymous(decl) || is_function_local(decl) || hidden)) {
            if (kind == CXCursor_EnumDecl) {
                text = type_text(r, integer_of(type));
            } else {
                Tag *own = find_tag(r, decl);
                if (!own->is_of_file)
                    add_tags(r, &d.tags, &(TagUse){ own, NULL });
                d.unnamed = own->refused;
                text = own->spelled;
            }
            text = take_format(r->arena, "%s%s", qualifiers(type, bare), text);
        }
        d.before = take_format(r->arena, "%s %s", text, before);
        return d;
    }
    }
}

static enum type_kind kind_of(CXType canonical)
{
    switch (canonical.kind) {
    case CXType_Void:
        return TYPE_VOID;
    case CXType_Record:
        return TYPE_RECORD;
    case CXType_ConstantArray:
    case CXType_IncompleteArray:
    case CXType_VariableArray:
        return TYPE_ARRAY;
    case CXType_FunctionProto:
    case CXType_FunctionNoProto:
        return TYPE_FUNCTION;
    default:
        return TYPE_SCALAR;
    }
}

bool is_variable(CXType type)
{
    for (;;) {
        type = clang_getCanonicalType(type);
        switch (type.kind) {
        case CXType_VariableArray:
            return true;
        case CXType_Pointer:
            type = clang_getPointeeType(type);
            break;
        case CXType_ConstantArray:
        case CXType_IncompleteArray:
            type = clang_getArrayElementType(type);
            break;
        default:
            return false;
        }
    }
}

/* libclang crashes when it is asked for the size of such a type. */
static bool has_variable_size(CXType canonical)
{
    while (canonical.kind == CXType_ConstantArray || canonical.kind == CXType_IncompleteArray)
        canonical = clang_getCanonicalType(clang_getArrayElementType(canonical));
    return canonical.kind == CXType_VariableArray;
}

/* const where it matters for assignment: of the type, or of an array's elements. */
/* `__auto_type a[4]` with nothing to tell what it is: clang has reported it, and libclang would fall over it. */
static bool is_deduced(CXType canonical)
{
    while (canonical.kind == CXType_ConstantArray || canonical.kind == CXType_IncompleteArray ||
           canonical.kind == CXType_VariableArray)
        canonical = clang_getCanonicalType(clang_getArrayElementType(canonical));
    return canonical.kind != CXType_Auto && canonical.kind != CXType_Dependent && canonical.kind != CXType_Invalid;
}

static bool is_const_object(CXType canonical)
{
    while (canonical.kind == CXType_ConstantArray || canonical.kind == CXType_IncompleteArray)
        canonical = clang_getCanonicalType(clang_getArrayElementType(canonical));
    return clang_isConstQualifiedType(canonical);
}

static bool is_volatile_object(CXType canonical)
{
    while (canonical.kind == CXType_ConstantArray || canonical.kind == CXType_IncompleteArray)
        canonical = clang_getCanonicalType(clang_getArrayElementType(canonical));
    return clang_isVolatileQualifiedType(canonical);
}

static bool is_const_record(CXType type);

static enum CXVisitorResult visit_field(CXCursor c, CXClientData found)
{
    CXType type = clang_getCanonicalType(clang_getCursorType(c));
    if (!is_const_object(type) && !is_const_record(type))
        return CXVisit_Continue;
    *(bool *)found = true;
    return CXVisit_Break;
}

static bool is_vector(CXType type)
{
    while (type.kind == CXType_ConstantArray || type.kind == CXType_IncompleteArray)
        type = clang_getCanonicalType(clang_getArrayElementType(type));
    return type.kind == CXType_Vector || type.kind == CXType_ExtVector;
}

/* A record, or an array of records, that has a const member somewhere. */
static bool is_const_record(CXType type)
{
    while (type.kind == CXType_ConstantArray || type.kind == CXType_IncompleteArray)
        type = clang_getCanonicalType(clang_getArrayElementType(type));
    bool found = false;
    if (type.kind == CXType_Record)
        clang_Type_visitFields(type, visit_field, &found);
    return found;
}

static enum CXVisitorResult visit_flexible(CXCursor c, CXClientData found)
{
    CXType type = clang_getCanonicalType(clang_getCursorType(c));
    if (type.kind == CXType_Record)
        clang_Type_visitFields(type, visit_flexible, found);
    *(bool *)found |= type.kind == CXType_IncompleteArray;
    return CXVisit_Continue;
}

const char *zero_of(const Type *type)
{
    if (type->is_vector)
        return "{ 0 }";
    return type->kind != TYPE_RECORD ? "0" : type->takes_zero ? "{ 0 }" : "{ }";
}

static bool takes_zero(CXType canonical);

/* Of the first member with a name, or an unnamed record's. */
static enum CXVisitorResult visit_first(CXCursor c, CXClientData takes)
{
    CXString name = clang_getCursorSpelling(c);
    bool passes = clang_Cursor_isBitField(c) && !*clang_getCString(name);
    clang_disposeString(name);
    if (passes)
        return CXVisit_Continue;
    *(bool *)takes = takes_zero(clang_getCanonicalType(clang_getCursorType(c)));
    return CXVisit_Break;
}

static bool takes_zero(CXType canonical)
{
    while (canonical.kind == CXType_ConstantArray && clang_getArraySize(canonical) > 0)
        canonical = clang_getCanonicalType(clang_getArrayElementType(canonical));
    bool takes = canonical.kind != CXType_Record && canonical.kind != CXType_ConstantArray
                 && canonical.kind != CXType_IncompleteArray;
    if (canonical.kind == CXType_Record)
        clang_Type_visitFields(canonical, visit_first, &takes);
    return takes;
}

void forget_types(Reader *r)
{
    memset(r->types, 0, r->type_room * sizeof *r->types);
    r->ntypes = 0;
}

Type *type_of(Reader *r, CXType cx)
{
    size_t mask = r->type_room - 1;
    size_t at = ((uintptr_t)cx.data[0] >> 3) * 0x9E3779B97F4A7C15u >> 40 & mask;
    for (; r->types[at].type; at = (at + 1) & mask)
        if (r->types[at].key == cx.data[0])
            return r->types[at].type;

    Type *type = take(r->arena, sizeof *type);
    CXType canonical = clang_getCanonicalType(cx);
    type->kind = kind_of(canonical);
    Declarator whole = print(r, cx, "", "", false);
    type->before = whole.before;
    type->after = whole.after;
    type->is_const = is_const_object(canonical);
    if (type->is_const) {
        /* A const that a typedef brings along goes only with the typedef's name. */
        Declarator bare = print(r, cx, "", "", true);
        if (strstr(bare.before, "const ") || clang_isConstQualifiedType(clang_getUnqualifiedType(cx)))
            bare = print(r, canonical, "", "", true);
        type->bare_before = bare.before;
        type->bare_after = bare.after;
    } else {
        type->bare_before = type->before;
        type->bare_after = type->after;
    }
    type->local_tag = whole.unnamed;
    type->tags = whole.tags;
    type->bounds = whole.bounds;
    type->bound_unknown = whole.bound_unknown;
    type->is_volatile = is_volatile_object(canonical);
    type->is_atomic = canonical.kind == CXType_Atomic;
    type->variable_size = is_variable(cx);
    type->has_const = type->kind == TYPE_RECORD && is_const_record(canonical);
    type->is_vector = is_vector(canonical);
    if (type->kind == TYPE_RECORD) {
        clang_Type_visitFields(canonical, visit_flexible, &type->is_flexible);
        type->takes_zero = takes_zero(canonical);
    }
    type->size = -1;
    type->align = 1;
    if (type->kind == TYPE_FUNCTION) {
        type->is_async_pointer = is_async_type(canonical);
    } else if (type->kind != TYPE_VOID && !has_variable_size(canonical) && is_deduced(canonical) &&
               whole.before[0] != '<') {
        /* What is no type of the language's, "<builtin fn type>", has no size that could be asked for. */
        type->size = clang_Type_getSizeOf(canonical);
        type->align = (int)clang_Type_getAlignOf(cx); /* a typedef may ask for more */
    }
    if (type->kind == TYPE_ARRAY && type->variable_size && type->size < 0) {
        /* Counted so that what overflows stays too much. */
        Type *element = type_of(r, clang_getArrayElementType(canonical));
        Local *bound = canonical.kind == CXType_VariableArray ? find_known(r, array_key(canonical))->bound : NULL;
        const char *count = bound ? bound->name : take_format(r->arena, "%lld", clang_getArraySize(canonical));
        const char *each = element->extent;
        if (!each)
            each = take_format(r->arena, "sizeof(%s)", declare(r->arena, element, "", false));
        type->extent = take_format(r->arena, "ac__times(%s, %s)", count, each);
        type->align = element->align;
        mask = r->type_room - 1; /* the table may have grown */
        for (at = ((uintptr_t)cx.data[0] >> 3) * 0x9E3779B97F4A7C15u >> 40 & mask; r->types[at].type; at = (at + 1) & mask)
            ;
    }
    type->is_pointer = canonical.kind == CXType_Pointer;
    if (canonical.kind == CXType_Pointer) {
        CXType target = clang_getPointeeType(canonical);
        if (clang_getAddressSpace(target) == TASK_SPACE || clang_getAddressSpace(target) == FUTURE_SPACE) {
            type->is_task = clang_getAddressSpace(target) == TASK_SPACE;
            type->is_future = !type->is_task;
            type->target = type_of(r, clang_getUnqualifiedType(target));
        } else if (target.kind == CXType_FunctionProto || target.kind == CXType_FunctionNoProto) {
            type->is_async_pointer = is_async_type(target);
        }
    }

    if (type->bound_unknown) /* `n ? 0 : (int (*)[n])p`: the type of the 0 comes before its bound */
        return type;
    if (++r->ntypes * 2 > (int)r->type_room) {
        TypeSlot *old = r->types;
        size_t room = r->type_room;
        r->type_room *= 2;
        r->types = take(r->arena, r->type_room * sizeof *r->types);
        for (size_t i = 0; i < room; i++) {
            if (!old[i].type)
                continue;
            size_t to = ((uintptr_t)old[i].key >> 3) * 0x9E3779B97F4A7C15u >> 40 & (r->type_room - 1);
            while (r->types[to].type)
                to = (to + 1) & (r->type_room - 1);
            r->types[to] = old[i];
        }
        mask = r->type_room - 1;
        at = ((uintptr_t)cx.data[0] >> 3) * 0x9E3779B97F4A7C15u >> 40 & mask;
        while (r->types[at].type)
            at = (at + 1) & mask;
    }
    r->types[at] = (TypeSlot){ cx.data[0], type };
    return type;
}

const char *declare(Arena *arena, const Type *type, const char *name, bool bare)
{
    const char *before = bare ? type->bare_before : type->before;
    const char *after = bare ? type->bare_after : type->after;
    if (!*name) {
        size_t size = strlen(before);
        while (size && before[size - 1] == ' ' && !*after)
            size--;
        return take_format(arena, "%.*s%s", (int)size, before, after);
    }
    return take_format(arena, "%s%s%s", before, name, after);
}
