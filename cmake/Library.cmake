# parley_library(NAME [TORCH] SOURCES ... LINKS ...): one library of ours. LINKS are the only arrows that leave it;
# headers are included from the root of the tree ("engine/scheduler.hpp").
# With TORCH the sources may include ATen through the shared precompiled header, and the library is left out of
# builds without LibTorch (PARLEY_TORCH=OFF: the sanitizer and fuzz presets).
function(parley_library name)
  cmake_parse_arguments(arg "TORCH" "" "SOURCES;LINKS" ${ARGN})
  if(arg_TORCH AND NOT PARLEY_TORCH)
    return()
  endif()
  add_library(${name} STATIC EXCLUDE_FROM_ALL ${arg_SOURCES})  # built when something needs it
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${arg_LINKS} PRIVATE parley_warnings)
  if(arg_TORCH)
    # private: its headers bring a fmt of their own, which must not meet the one that spdlog was built with
    target_link_libraries(${name} PRIVATE torch::torch)
    target_precompile_headers(${name} REUSE_FROM parley_aten_pch)
  endif()
endfunction()

# parley_test(NAME [TORCH] [THREADS] [LABELS ...] SOURCES ... LINKS ...): one Catch2 program; ctest sees each TEST_CASE.
# THREADS: what it tests has threads; a build under ThreadSanitizer holds these alone. What is neither THREADS nor
# TORCH gives the same in every build: scripts/test runs it under AddressSanitizer and leaves it out of the release
# build (PARLEY_PLAIN_TESTS=OFF): 75 of 329 files that need not be compiled once more.
function(parley_test name)
  cmake_parse_arguments(arg "TORCH;THREADS" "" "SOURCES;LINKS;LABELS" ${ARGN})
  set(plain TRUE)
  if(arg_TORCH OR arg_THREADS)
    set(plain FALSE)
  endif()
  if((arg_TORCH AND NOT PARLEY_TORCH) OR (PARLEY_SANITIZE MATCHES thread AND NOT arg_THREADS) OR
     (plain AND NOT PARLEY_PLAIN_TESTS))
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} parley_test_main parley_warnings)
  target_compile_definitions(${name} PRIVATE PARLEY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    target_compile_options(${name} PRIVATE -O1)  # a fifth less to compile, and tests wait for what they test
  endif()
  if(arg_TORCH)
    list(APPEND arg_LABELS torch)
    target_link_libraries(${name} PRIVATE torch::torch)
    # the precompiled header is made with -fPIC and fits nothing made with the -fPIE of executables
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIC)
    target_precompile_headers(${name} REUSE_FROM parley_aten_pch)
  endif()
  set(properties TIMEOUT 300)
  if(arg_LABELS)
    list(APPEND properties LABELS "${arg_LABELS}")
  endif()
  catch_discover_tests(${name} TEST_PREFIX "${name}: " PROPERTIES ${properties})
endfunction()
