# target_async_sources(<target> <file.ac>...)
#
# Translates each file with asyncc and adds the result to <target>, which is linked with the
# runtime. A file is translated with the include directories, definitions and options that
# <target> compiles C with, those that reach it through its libraries included, and again
# whenever it, a header that it includes, one of those flags, or the compiler changes.
#
#     add_executable(server main.c)
#     target_async_sources(server handler.ac)
#
# target_async_headers(<target> <file.ah> [<file.ac>...] [<file.ah> ...]...)
#
# Makes the plain C header of each .ah file, whose async functions the .ac files behind it define
# (file.ac if there are none), with the same flags. <target>, and whoever links to it, includes
# file.ah as "file.h"; a header comes behind those that its .ac files include. Files that don't
# see a header's functions change aren't compiled again.
#
#     add_library(fetching)
#     target_async_headers(fetching fetch.ah)
#     target_async_sources(fetching fetch.ac)
#     target_link_libraries(server PRIVATE fetching)
include_guard(GLOBAL)

# Debian counts xargs as essential. It takes the flags from a file, one a line, see below.
find_program(ASYNCC_XARGS xargs REQUIRED)
mark_as_advanced(ASYNCC_XARGS)

# The file of the flags that a target's C is compiled with, and the directory for what is made.
function(_asyncc_flags_file target directory_variable file_variable)
    set(directory "${CMAKE_CURRENT_BINARY_DIR}/${target}.async")

    # The flags go through a file, because only there CMake answers $<COMPILE_LANGUAGE>, which
    # options of libraries often ask (those of Threads::Threads do). They are asked for when the
    # build is generated, so that what is added to the target after this call still counts.
    get_target_property(flags_file "${target}" ASYNCC_FLAGS_FILE)
    if(NOT flags_file)
        set(flags_file "${directory}/flags.C")
        set_target_properties("${target}" PROPERTIES ASYNCC_FLAGS_FILE "${flags_file}")
        set(directories "$<REMOVE_DUPLICATES:$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>>")
        set(definitions "$<REMOVE_DUPLICATES:$<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>>")
        set(options "$<TARGET_PROPERTY:${target},COMPILE_OPTIONS>")
        set(standard "$<TARGET_PROPERTY:${target},C_STANDARD>")
        set(strict "$<STREQUAL:$<UPPER_CASE:$<TARGET_PROPERTY:${target},C_EXTENSIONS>>,OFF>")
        string(TOUPPER "${CMAKE_BUILD_TYPE}" config)
        separate_arguments(flags NATIVE_COMMAND "${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_${config}}")
        # Joining drops what is empty; an empty line would be an empty argument.
        set(all
            ${flags}
            "$<$<BOOL:${standard}>:-std=$<IF:${strict},c,gnu>${standard}>"
            "$<$<BOOL:${directories}>:-I$<JOIN:${directories},;-I>>"
            "$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},;-D>>"
            "${options}")
        file(GENERATE OUTPUT "${directory}/flags.$<COMPILE_LANGUAGE>" CONTENT "$<JOIN:${all},\n>
" TARGET "${target}")
    endif()
    set("${directory_variable}" "${directory}" PARENT_SCOPE)
    set("${file_variable}" "${flags_file}" PARENT_SCOPE)
endfunction()

function(target_async_sources target)
    if(NOT TARGET "${target}")
        message(FATAL_ERROR "target_async_sources: there is no target '${target}'")
    endif()
    if(NOT ARGN)
        message(FATAL_ERROR "target_async_sources: no sources given for '${target}'")
    endif()
    _asyncc_flags_file("${target}" directory flags_file)

    foreach(source IN LISTS ARGN)
        cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE
                   OUTPUT_VARIABLE input)
        # A hash of the directory keeps apart two files of one name.
        cmake_path(GET input PARENT_PATH parent)
        cmake_path(GET input STEM LAST_ONLY stem)
        string(SHA1 hash "${parent}")
        string(SUBSTRING "${hash}" 0 8 hash)
        set(output "${directory}/${stem}-${hash}.c")
        cmake_path(RELATIVE_PATH input BASE_DIRECTORY "${CMAKE_SOURCE_DIR}" OUTPUT_VARIABLE shown)
        add_custom_command(
            OUTPUT "${output}"
            COMMAND "${ASYNCC_XARGS}" -a "${flags_file}" -d "\\n"
                "$<TARGET_FILE:asyncc::asyncc>" "${input}" -o "${output}" "--cc=${CMAKE_C_COMPILER}"
                -MD -MF "${output}.d" -MT "${output}"
            DEPENDS "${input}" "${flags_file}" asyncc::asyncc "$<TARGET_FILE:asyncc::asyncc>"
                "$<TARGET_PROPERTY:${target},ASYNCC_HEADERS>"
            DEPFILE "${output}.d"
            COMMENT "Translating ${shown}"
            VERBATIM)
        target_sources("${target}" PRIVATE "${output}")
        # Quoted includes of the source are looked up beside it, not beside the output.
        set_property(SOURCE "${output}" APPEND PROPERTY COMPILE_OPTIONS "-iquote${parent}")
    endforeach()
    target_link_libraries("${target}" PRIVATE asyncc::runtime)
endfunction()

# One header, of the .ac files that follow.
function(_asyncc_header target header)
    _asyncc_flags_file("${target}" directory flags_file)
    cmake_path(ABSOLUTE_PATH header BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE
               OUTPUT_VARIABLE input)
    cmake_path(GET input PARENT_PATH parent)
    cmake_path(GET input STEM LAST_ONLY stem)
    set(modules)
    foreach(source IN LISTS ARGN)
        cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
        list(APPEND modules "${source}")
    endforeach()
    if(NOT modules)
        set(modules "${parent}/${stem}.ac")
    endif()
    set(output "${directory}/include/${stem}.h")
    file(MAKE_DIRECTORY "${directory}/include")
    get_target_property(earlier "${target}" ASYNCC_HEADERS)
    if(NOT earlier)
        set(earlier)
    endif()
    cmake_path(RELATIVE_PATH input BASE_DIRECTORY "${CMAKE_SOURCE_DIR}" OUTPUT_VARIABLE shown)
    add_custom_command(
        OUTPUT "${output}"
        COMMAND "${ASYNCC_XARGS}" -a "${flags_file}" -d "\\n"
            "$<TARGET_FILE:asyncc::asyncc>" --emit=header "${input}" ${modules} -o "${output}.new"
            "--cc=${CMAKE_C_COMPILER}" -MD -MF "${output}.d" -MT "${output}"
        COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${output}.new" "${output}"
        DEPENDS "${input}" ${modules} ${earlier} "${flags_file}" asyncc::asyncc "$<TARGET_FILE:asyncc::asyncc>"
        DEPFILE "${output}.d"
        COMMENT "Making the header of ${shown}"
        VERBATIM)
    set_property(TARGET "${target}" APPEND PROPERTY ASYNCC_HEADERS "${output}")
    target_sources("${target}" PRIVATE "${output}")
    # The header includes ac/future.h, and looks for what file.ah includes beside it where that is.
    target_link_libraries("${target}" PUBLIC asyncc::runtime)
    target_include_directories("${target}" PUBLIC "$<BUILD_INTERFACE:${directory}/include>" "$<BUILD_INTERFACE:${parent}>")
endfunction()

function(target_async_headers target)
    if(NOT TARGET "${target}")
        message(FATAL_ERROR "target_async_headers: there is no target '${target}'")
    endif()
    set(group)
    foreach(file IN LISTS ARGN)
        if(file MATCHES "\\.ah$")
            if(group)
                _asyncc_header("${target}" ${group})
            endif()
            set(group "${file}")
        elseif(group)
            list(APPEND group "${file}")
        else()
            message(FATAL_ERROR "target_async_headers: '${file}' stands behind no .ah file")
        endif()
    endforeach()
    if(NOT group)
        message(FATAL_ERROR "target_async_headers: no .ah files given for '${target}'")
    endif()
    _asyncc_header("${target}" ${group})
endfunction()
