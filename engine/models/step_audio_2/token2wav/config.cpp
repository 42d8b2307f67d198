#include "engine/models/step_audio_2/token2wav/config.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "engine/weights/json_file.hpp"

namespace parley::step_audio_2 {
namespace {

using Json = nlohmann::json;

FlowEncoderConfig encoder_of(const Json& json) {
  const int up_stride = json.at("up_stride");
  if (json.value("up_scale_factor", up_stride) != up_stride)
    throw std::runtime_error("`up_scale_factor` differs from `up_stride`, which this program cannot run");
  return {.input_size = json.at("input_size"),
          .output_size = json.at("output_size"),
          .pre_lookahead_len = json.at("pre_lookahead_len"),
          .num_blocks = json.at("num_blocks"),
          .num_up_blocks = json.at("num_up_blocks"),
          .up_stride = up_stride,
          .attention_heads = json.at("attention_heads"),
          .linear_units = json.at("linear_units")};
}

DitConfig estimator_of(const Json& json) {
  return {.in_channels = json.at("in_channels"),
          .out_channels = json.at("out_channels"),
          .mlp_ratio = json.at("mlp_ratio"),
          .depth = json.at("depth"),
          .num_heads = json.at("num_heads"),
          .head_dim = json.at("head_dim"),
          .hidden_size = json.at("hidden_size")};
}

void require(bool fits, const char* what) {
  if (!fits) throw std::runtime_error(what);
}

void check(const FlowConfig& config) {
  const FlowEncoderConfig& encoder = config.encoder;
  const DitConfig& estimator = config.estimator;
  require(encoder.attention_heads > 0 && encoder.output_size % encoder.attention_heads == 0,
          "`output_size` of the encoder must be a multiple of its `attention_heads`");
  require(encoder.output_size % 2 == 0, "`output_size` of the encoder must be even");
  require(encoder.input_size == config.input_size, "the encoder's `input_size` differs from the flow's");
  require(encoder.input_size == encoder.output_size,
          "the encoder's `input_size` and `output_size` must be the same");
  require(encoder.up_stride > 0 && encoder.pre_lookahead_len > 0 && encoder.num_blocks > 0 &&
              encoder.num_up_blocks > 0,
          "`up_stride`, `pre_lookahead_len`, `num_blocks` and `num_up_blocks` must be positive");
  require(estimator.in_channels == 4 * config.output_size && estimator.out_channels == config.output_size,
          "the estimator must read four times `output_size` channels and write `output_size`");
  require(estimator.depth > 0 && estimator.num_heads > 0 && estimator.head_dim > 0 && estimator.mlp_ratio > 0,
          "`depth`, `num_heads`, `head_dim` and `mlp_ratio` must be positive");
  require(config.inference_cfg_rate > 0, "`inference_cfg_rate` must be positive");
  require(config.vocab_size > 0 && config.spk_embed_dim > 0,
          "`vocab_size` and `spk_embed_dim` must be positive");
}

}  // namespace

FlowConfig FlowConfig::read(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "config.json";
  const Json file = weights::read_json_file(path);
  try {
    const Json& flow = file.at("flow");
    FlowConfig config{.input_size = flow.at("input_size"),
                      .output_size = flow.at("output_size"),
                      .spk_embed_dim = flow.at("spk_embed_dim"),
                      .vocab_size = flow.at("vocab_size"),
                      .encoder = encoder_of(flow.at("encoder")),
                      .inference_cfg_rate = flow.at("decoder").at("inference_cfg_rate"),
                      .estimator = estimator_of(flow.at("decoder").at("estimator"))};
    check(config);
    return config;
  } catch (const std::exception& error) {
    throw std::runtime_error(path.string() + ": " + error.what() + "; convert the model again");
  }
}

}  // namespace parley::step_audio_2
