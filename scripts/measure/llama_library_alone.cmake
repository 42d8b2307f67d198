# Read by CMake when it enters llama.cpp (CMAKE_PROJECT_llama.cpp_INCLUDE): the helpers of its command-line programs, which
# are half of what there is to compile, are no part of the Python package.
set(LLAMA_BUILD_COMMON OFF)
