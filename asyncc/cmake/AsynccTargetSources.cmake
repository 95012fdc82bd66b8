# target_async_sources(<target> <file.ac>...)
#
# Translates each file with asyncc and adds the result to <target>, which is linked with the
# runtime. A file is translated with the include directories, definitions and options that
# <target> compiles C with, those that reach it through its libraries included, and again
# whenever it, a header that it includes, one of those flags, or the compiler changes.
#
#     add_executable(server main.c)
#     target_async_sources(server handler.ac)
include_guard(GLOBAL)

# Debian counts xargs as essential. It takes the flags from a file, one a line, see below.
find_program(ASYNCC_XARGS xargs REQUIRED)
mark_as_advanced(ASYNCC_XARGS)

function(target_async_sources target)
    if(NOT TARGET "${target}")
        message(FATAL_ERROR "target_async_sources: there is no target '${target}'")
    endif()
    if(NOT ARGN)
        message(FATAL_ERROR "target_async_sources: no sources given for '${target}'")
    endif()
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
            DEPFILE "${output}.d"
            COMMENT "Translating ${shown}"
            VERBATIM)
        target_sources("${target}" PRIVATE "${output}")
        # Quoted includes of the source are looked up beside it, not beside the output.
        set_property(SOURCE "${output}" APPEND PROPERTY COMPILE_OPTIONS "-iquote${parent}")
    endforeach()
    target_link_libraries("${target}" PRIVATE asyncc::runtime)
endfunction()
