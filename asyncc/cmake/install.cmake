# What `cmake --install` puts where, and the package that find_package(asyncc) then finds.
if(NOT TARGET asyncc OR NOT TARGET ac)
    return()
endif()
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/asyncc")
set_target_properties(ac PROPERTIES EXPORT_NAME runtime)
set(libraries ac)
if(TARGET ac_shared)
    list(APPEND libraries ac_shared)
endif()
install(TARGETS asyncc ${libraries} EXPORT asyncc
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY runtime/include/ac DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(EXPORT asyncc NAMESPACE asyncc:: DESTINATION "${package_dir}" FILE asyncc-targets.cmake)
configure_package_config_file(asyncc/cmake/asyncc-config.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/cmake/asyncc-config.cmake"
    INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/cmake/asyncc-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES
    "${CMAKE_CURRENT_BINARY_DIR}/cmake/asyncc-config.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/cmake/asyncc-config-version.cmake"
    asyncc/cmake/AsynccTargetSources.cmake
    DESTINATION "${package_dir}")

# A project may use the build tree as well, by -Dasyncc_DIR=<build>/cmake.
export(EXPORT asyncc NAMESPACE asyncc:: FILE "${CMAKE_CURRENT_BINARY_DIR}/cmake/asyncc-targets.cmake")
configure_file(asyncc/cmake/AsynccTargetSources.cmake "${CMAKE_CURRENT_BINARY_DIR}/cmake/AsynccTargetSources.cmake" COPYONLY)
