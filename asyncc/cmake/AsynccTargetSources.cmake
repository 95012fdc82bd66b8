# target_async_sources(<target> <file.ac>...)
#
# Translates each file with asyncc and adds the result to <target>, which is linked with the
# runtime. A file is translated with the include directories, definitions and options of
# <target> itself, those that reach it through its libraries included, and again whenever it,
# a header that it includes, or the compiler changes.
#
#     add_executable(server main.c)
#     target_async_sources(server handler.ac)
include_guard(GLOBAL)

function(target_async_sources target)
    if(NOT TARGET "${target}")
        message(FATAL_ERROR "target_async_sources: there is no target '${target}'")
    endif()
    if(NOT ARGN)
        message(FATAL_ERROR "target_async_sources: no sources given for '${target}'")
    endif()

    # The properties are asked for at generate time, so that what is added to the target after
    # this call still counts. Each list expands to nothing where the property is empty.
    set(directories "$<REMOVE_DUPLICATES:$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>>")
    set(definitions "$<REMOVE_DUPLICATES:$<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>>")
    # An option may be meant for one language or compiler only: a custom command has no language,
    # so $<COMPILE_LANGUAGE> is answered here, by taking the C side.
    set(options "$<TARGET_PROPERTY:${target},COMPILE_OPTIONS>")
    set(standard "$<TARGET_PROPERTY:${target},C_STANDARD>")
    set(no_extensions "$<STREQUAL:$<TARGET_PROPERTY:${target},C_EXTENSIONS>,OFF>")
    set(std "$<IF:${no_extensions},-std=c,-std=gnu>${standard}")
    string(TOUPPER "${CMAKE_BUILD_TYPE}" config)
    separate_arguments(flags NATIVE_COMMAND "${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_${config}}")

    foreach(source IN LISTS ARGN)
        cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE
                   OUTPUT_VARIABLE input)
        # A hash of the directory keeps apart two files of one name.
        cmake_path(GET input PARENT_PATH parent)
        cmake_path(GET input STEM LAST_ONLY stem)
        string(SHA1 hash "${parent}")
        string(SUBSTRING "${hash}" 0 8 hash)
        set(directory "${CMAKE_CURRENT_BINARY_DIR}/${target}.async")
        file(MAKE_DIRECTORY "${directory}")
        set(output "${directory}/${stem}-${hash}.c")
        cmake_path(RELATIVE_PATH input BASE_DIRECTORY "${CMAKE_SOURCE_DIR}" OUTPUT_VARIABLE shown)
        add_custom_command(
            OUTPUT "${output}"
            COMMAND asyncc::asyncc "--cc=${CMAKE_C_COMPILER}" ${flags}
                "$<$<BOOL:${standard}>:${std}>"
                "$<$<BOOL:${directories}>:-I$<JOIN:${directories},;-I>>"
                "$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},;-D>>"
                "${options}"
                -MD -MF "${output}.d" -MT "${output}" -o "${output}" "${input}"
            DEPENDS "${input}" asyncc::asyncc
            DEPFILE "${output}.d"
            COMMENT "Translating ${shown}"
            COMMAND_EXPAND_LISTS
            VERBATIM)
        target_sources(${target} PRIVATE "${output}")
        # Quoted includes of the source are looked up beside it, not beside the output.
        set_property(SOURCE "${output}" APPEND PROPERTY COMPILE_OPTIONS "-iquote${parent}")
        set_property(SOURCE "${output}" APPEND PROPERTY OBJECT_DEPENDS "${input}")
    endforeach()
    target_link_libraries(${target} PRIVATE asyncc::runtime)
endfunction()
