// How long Step-Audio 2's encoder and adaptor take for a recording, at official sizes, with weights made up.
//
//   ear_bench [--seconds 10] [--layers 32] [--repeat 5] [--threads 2] [--dtype bf16|f32] [--exact] [--cut N]
//
// Prints one line of JSON: {"ms": [...], "cpu_ms": [...], ...}: for each repetition the wall clock's and the
// processor's time from features to rows. --exact: by ATen operations instead of the kernels; --cut: in
// passes of so many layers.
#include <ATen/Parallel.h>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/models/step_audio_2/ear/ear.hpp"
#include "test/engine/models/step_audio_2/formula_sound.hpp"
#include "test/support/temporary_folder.hpp"

namespace {

using namespace parley::step_audio_2;
using Json = nlohmann::json;

struct Shape {
  std::string name;
  std::vector<std::int64_t> sizes;
  double scale;
};

// The tensors of Step-Audio-2-mini's encoder and adaptor.
std::vector<Shape> official_shapes(int layers) {
  constexpr std::int64_t width = 1280, inner = 5120, mels = 128, middle = 2048, hidden = 3584;
  std::vector<Shape> shapes;
  const auto layer = [&](const std::string& name, const std::vector<std::int64_t>& sizes, bool bias = true) {
    double fan_in = 1;
    for (std::size_t i = 1; i < sizes.size(); ++i) fan_in *= static_cast<double>(sizes[i]);
    shapes.push_back({name + ".weight", sizes, std::sqrt(3.0 / fan_in)});
    if (bias) shapes.push_back({name + ".bias", {sizes[0]}, 0.1});
  };
  const auto norm = [&](const std::string& name) {
    shapes.push_back({name + ".weight", {width}, 1.0});
    shapes.push_back({name + ".bias", {width}, 0.1});
  };
  layer("encoder.conv1", {width, mels, 3});
  layer("encoder.conv2", {width, width, 3});
  shapes.push_back({"encoder.positional_embedding.weight", {1500, width}, 0.5});
  for (int i = 0; i < layers; ++i) {
    const std::string block = "encoder.blocks." + std::to_string(i) + ".";
    layer(block + "attn.query", {width, width});
    layer(block + "attn.key", {width, width}, false);
    layer(block + "attn.value", {width, width});
    layer(block + "attn.out", {width, width});
    norm(block + "attn_ln");
    layer(block + "mlp.0", {inner, width});
    layer(block + "mlp.2", {width, inner});
    norm(block + "mlp_ln");
  }
  norm("encoder.after_norm");
  layer("adapter.conv", {width, width, 3});
  layer("adapter.linear1", {middle, width});
  layer("adapter.linear2", {hidden, middle});
  return shapes;
}

// A checkpoint whose weights lie in memory, and a folder that leads to it.
class MadeUpCheckpoint {
 public:
  MadeUpCheckpoint(int layers, bool bf16) : descriptor_(::memfd_create("ear_bench", MFD_CLOEXEC)) {
    if (descriptor_ < 0) throw std::runtime_error("there is no file in memory to be had");
    const std::vector<Shape> shapes = official_shapes(layers);
    const std::size_t element = bf16 ? 2 : 4;
    Json header;
    std::size_t end = 0;
    for (const Shape& shape : shapes) {
      const std::size_t begin = end;
      end += count_of(shape) * element;
      header[shape.name] = {
          {"dtype", bf16 ? "BF16" : "F32"}, {"shape", shape.sizes}, {"data_offsets", {begin, end}}};
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const std::uint64_t length = text.size();
    write(&length, sizeof length);
    write(text.data(), text.size());
    std::uint32_t seed = 0;
    for (const Shape& shape : shapes) {
      const std::vector<float> values =
          formula_values(seed++, count_of(shape), static_cast<float>(shape.scale));
      if (!bf16) {
        write(values.data(), values.size() * sizeof(float));
        continue;
      }
      std::vector<std::uint16_t> halves(values.size());
      for (std::size_t i = 0; i < values.size(); ++i)
        halves[i] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(values[i]) >> 16U);
      write(halves.data(), halves.size() * sizeof(std::uint16_t));
    }
    std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(descriptor_),
                                    folder_.path() / "model.safetensors");
    folder_.write("config.json", Json{{"audio_encoder_config",
                                       {{"n_mels", 128},
                                        {"n_audio_ctx", 1500},
                                        {"n_audio_state", 1280},
                                        {"n_audio_head", 20},
                                        {"n_audio_layer", layers},
                                        {"llm_dim", 3584},
                                        {"kernel_size", 3},
                                        {"adapter_stride", 2}}}}
                                     .dump());
  }
  ~MadeUpCheckpoint() { ::close(descriptor_); }
  MadeUpCheckpoint(const MadeUpCheckpoint&) = delete;
  MadeUpCheckpoint& operator=(const MadeUpCheckpoint&) = delete;

  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  static std::size_t count_of(const Shape& shape) {
    std::size_t count = 1;
    for (const std::int64_t size : shape.sizes) count *= static_cast<std::size_t>(size);
    return count;
  }

  void write(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    for (std::size_t written = 0; written < size;) {
      const auto some = ::write(descriptor_, bytes + written, size - written);
      if (some <= 0) throw std::runtime_error("the file in memory takes no more");
      written += static_cast<std::size_t>(some);
    }
  }

  int descriptor_;
  parley::test::TemporaryFolder folder_;
};

}  // namespace

int main(int argc, char** argv) {
  double seconds = 10;
  int layers = 32, repeat = 5, cut = Ear::all_layers;
  std::string dtype = "bf16";
  EarOptions options{.threads = 2};
  CLI::App app("measures Step-Audio 2's ear");
  app.add_option("--seconds", seconds)->check(CLI::PositiveNumber);
  app.add_option("--layers", layers)->check(CLI::PositiveNumber);
  app.add_option("--repeat", repeat)->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads);
  app.add_option("--dtype", dtype)->check(CLI::IsMember({"bf16", "f32"}));
  app.add_option("--device", options.device);
  app.add_option("--cut", cut)->check(CLI::PositiveNumber);
  app.add_flag("--exact", options.exact);
  CLI11_PARSE(app, argc, argv);

  at::set_num_threads(options.exact ? std::max(1, options.threads) : 1);
  if (options.exact && options.device == "cpu") options.dtype = "float32";
  const MadeUpCheckpoint checkpoint(layers, dtype == "bf16");
  Ear ear = Ear::load(checkpoint.path(), options);
  Listening listening = ear.listen();
  listening.push(formula_sound(static_cast<std::size_t>(seconds * 16000), 1));
  Json ms = Json::array(), cpu_ms = Json::array();
  int tokens = 0;
  float first = 0;
  for (int i = 0; i < repeat; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    tokens = 0;
    for (int piece = 0; piece < listening.pieces(); ++piece) {
      Encoding encoding = ear.begin(listening, piece);
      Encoding* one = &encoding;
      while (!encoding.finished()) ear.encode({&one, 1}, cut);
      tokens += encoding.tokens();
      first = encoding.rows().front();
    }
    ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    cpu_ms.push_back(1000.0 * static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
  }
  const Json line{{"ms", ms},
                  {"cpu_ms", cpu_ms},
                  {"seconds", seconds},
                  {"layers", layers},
                  {"tokens", tokens},
                  {"dtype", dtype},
                  {"device", options.device},
                  {"exact", options.exact},
                  {"threads", options.threads},
                  {"first", first}};
  std::printf("%s\n", line.dump().c_str());
}
