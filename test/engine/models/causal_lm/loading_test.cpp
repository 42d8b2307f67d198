// What loading a model costs.
#include <fstream>
#include <sstream>
#include <string>

#include "engine/models/causal_lm/token_model.hpp"
#include "test/engine/models/causal_lm/formula_checkpoint.hpp"
#include "test/support/catch.hpp"

using namespace parley;
using causal_lm::Precision;
using causal_lm::TokenModel;

namespace {

// Bytes of "VmRSS" or "VmHWM" of this process.
std::size_t memory(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(what + ":")) return std::stoul(line.substr(what.size() + 1)) * 1024;
  return 0;
}

// The peak counts from here on; false where the system does not let us.
bool forget_peak() { return static_cast<bool>(std::ofstream("/proc/self/clear_refs") << "5" << std::flush); }

}  // namespace

TEST_CASE("loading a model takes little more memory than the model", "[causal_lm]") {
  causal_lm::DecoderConfig config = test::tiny_decoder();
  config.hidden_size = 768;
  config.intermediate_size = 3072;
  config.num_attention_heads = 12;
  config.num_key_value_heads = 12;
  config.head_dim = 64;
  config.vocab_size = 60000;  // two matrices make most of it, as at official size with few layers
  const test::TemporaryFolder folder;
  test::FormulaCheckpoint(config, 300).write(folder.path(), /*sharded=*/false);
  const auto file = static_cast<double>(std::filesystem::file_size(folder.path() / "model.safetensors"));
  for (const auto& [precision, share] :
       {std::pair(Precision::as_stored, 1.0), std::pair(Precision::bfloat16, 0.5),
        std::pair(Precision::int8, 0.27)}) {
    if (!forget_peak()) return;
    const std::size_t before = memory("VmRSS");
    const auto model = TokenModel::load(folder.path(), {.threads = 2, .precision = precision});
    const auto peak = static_cast<double>(memory("VmHWM") - before);
    INFO(peak / file << " of the file, expected " << share);
    CHECK(peak <
          file * (share + 0.1) + 48e6);  // a slice of the mapping, and what a chunk of weights has spare
    CHECK(static_cast<double>(model.info().weight_bytes) < file * (share + 0.02));
  }
}
