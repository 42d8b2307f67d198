# What every target of ours is compiled with; third-party headers are SYSTEM and stay out of it.
add_library(parley_warnings INTERFACE)
target_compile_options(parley_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false overflows, dangling pointers and maybe-uninitialized values from inlined library code.
  target_compile_options(parley_warnings INTERFACE -Wno-stringop-overflow -Wno-stringop-overread
                                                   -Wno-array-bounds -Wno-restrict -Wno-dangling-pointer
                                                   -Wno-maybe-uninitialized -Wno-free-nonheap-object
                                                   -Wno-mismatched-new-delete)
  if(CMAKE_UNITY_BUILD)
    # It takes what stands in another file's unnamed namespace for something that two programs could disagree about.
    target_compile_options(parley_warnings INTERFACE -Wno-subobject-linkage)
  endif()
endif()
