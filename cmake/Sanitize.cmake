# PARLEY_SANITIZE=address,undefined or =thread instruments everything we compile.
set(PARLEY_SANITIZE "" CACHE STRING "Sanitizers, comma-separated, as for -fsanitize=")
if(PARLEY_SANITIZE)
  add_compile_options(-fsanitize=${PARLEY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PARLEY_SANITIZE})
  if(PARLEY_SANITIZE MATCHES undefined)
    # A third of the time to compile. AddressSanitizer sees where such a pointer leads.
    add_compile_options(-fno-sanitize=null,alignment,vptr)
  endif()
  if(PARLEY_SANITIZE MATCHES thread)
    # GCC's ThreadSanitizer does not know fences. Asio's come on top of its locks, which it does know.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()

# Coverage for libFuzzer in everything; test/fuzz links it as the main program of its targets. Needs clang.
option(PARLEY_FUZZ "Build the fuzz targets with libFuzzer" OFF)
if(PARLEY_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "PARLEY_FUZZ needs clang++ for libFuzzer, and the compiler is ${CMAKE_CXX_COMPILER}: "
                        "use cmake --preset fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
