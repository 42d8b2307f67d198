# LibTorch from the private folder that scripts/setup makes. The wheel's own TorchConfig.cmake insists on a CUDA
# toolkit even for CPU use, so the imported targets are written here.
#
#   torch::torch       headers and CPU libraries, for code that includes ATen
#   torch::cuda        the same plus the CUDA headers and libtorch_cuda, for the files that only a GPU runs

set(PARLEY_LIBTORCH "${CMAKE_SOURCE_DIR}/.deps/libtorch" CACHE PATH "Folder that holds torch/ and nvidia/")
set(torch_lib "${PARLEY_LIBTORCH}/torch/lib")
set(torch_include "${PARLEY_LIBTORCH}/torch/include")
if(NOT EXISTS "${torch_lib}/libtorch_cpu.so")
  message(FATAL_ERROR "LibTorch is not at ${PARLEY_LIBTORCH}; run ./scripts/setup, or set PARLEY_LIBTORCH")
endif()

foreach(name c10 torch_cpu)
  add_library(torch::${name} SHARED IMPORTED)
  set_target_properties(torch::${name} PROPERTIES IMPORTED_LOCATION "${torch_lib}/lib${name}.so")
endforeach()

add_library(torch::torch INTERFACE IMPORTED)
target_include_directories(torch::torch SYSTEM INTERFACE "${torch_include}"
                                                         "${torch_include}/torch/csrc/api/include")
# libtorch_cpu needs cudart and cupti at run time even on a machine without a GPU; its own RPATH finds them.
target_link_libraries(torch::torch INTERFACE torch::torch_cpu torch::c10)
target_link_options(torch::torch INTERFACE "LINKER:--allow-shlib-undefined")

foreach(name c10_cuda torch_cuda)
  add_library(torch::${name} SHARED IMPORTED)
  set_target_properties(torch::${name} PROPERTIES IMPORTED_LOCATION "${torch_lib}/lib${name}.so")
endforeach()
file(GLOB cudart "${PARLEY_LIBTORCH}/nvidia/cu13/lib/libcudart.so.*")
add_library(torch::cuda INTERFACE IMPORTED)
target_include_directories(torch::cuda SYSTEM INTERFACE "${PARLEY_LIBTORCH}/nvidia/cu13/include")
# Every symbol of ours must be found, though what LibTorch itself needs is not there without the CUDA libraries.
target_link_options(torch::cuda INTERFACE "LINKER:--no-undefined")
target_link_libraries(torch::cuda INTERFACE torch::torch torch::torch_cuda torch::c10_cuda ${cudart})
