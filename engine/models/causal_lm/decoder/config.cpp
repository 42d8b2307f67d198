#include "engine/models/causal_lm/decoder/config.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace parley::causal_lm {
namespace {

using nlohmann::json;

// One object of a JSON file; every complaint names the file and the field.
class Fields {
 public:
  Fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {}

  bool has(const char* name) const { return object_.contains(name) && !object_.at(name).is_null(); }

  int size(const char* name) const {
    if (!has(name)) fail(name, "is missing");
    return positive(name);
  }
  int size(const char* name, int otherwise) const { return has(name) ? positive(name) : otherwise; }

  std::string text(const char* name) const {
    if (!has(name)) return {};
    if (!object_.at(name).is_string()) fail(name, "is " + object_.at(name).dump() + "; expected a string");
    return object_.at(name).get<std::string>();
  }
  double number(const char* name, double otherwise) const {
    if (!has(name)) return otherwise;
    if (!object_.at(name).is_number()) fail(name, "is " + object_.at(name).dump() + "; expected a number");
    return object_.at(name).get<double>();
  }
  bool flag(const char* name, bool otherwise) const {
    if (!has(name)) return otherwise;
    if (!object_.at(name).is_boolean())
      fail(name, "is " + object_.at(name).dump() + "; expected true or false");
    return object_.at(name).get<bool>();
  }

  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    throw std::runtime_error(where_ + ": " + name + " " + what);
  }
  const json& operator[](const char* name) const { return object_.at(name); }

 private:
  int positive(const char* name) const {
    const json& value = object_.at(name);
    if (!value.is_number_integer() || value.get<std::int64_t>() <= 0 ||
        value.get<std::int64_t>() > std::int64_t{1} << 30)
      fail(name, "is " + value.dump() + "; expected a positive whole number");
    return value.get<int>();
  }

  const json& object_;
  std::string where_;
};

RopeScaling read_scaling(const Fields& fields, const std::string& where) {
  RopeScaling scaling;
  if (!fields.has("rope_scaling")) return scaling;
  const json& object = fields["rope_scaling"];
  if (!object.is_object()) fields.fail("rope_scaling", "is " + object.dump() + "; expected an object");
  const std::string kind = object.value("rope_type", object.value("type", std::string("default")));
  if (kind == "default") return scaling;
  if (kind == "linear")
    scaling.kind = RopeScaling::Kind::linear;
  else if (kind == "llama3")
    scaling.kind = RopeScaling::Kind::llama3;
  else
    fields.fail("rope_scaling", "is of the kind \"" + kind + "\"; known are default, linear and llama3");
  const Fields inner(object, where + ": rope_scaling");
  scaling.factor = inner.number("factor", 1.0);
  scaling.low_freq_factor = inner.number("low_freq_factor", scaling.low_freq_factor);
  scaling.high_freq_factor = inner.number("high_freq_factor", scaling.high_freq_factor);
  scaling.original_max_position_embeddings =
      inner.number("original_max_position_embeddings", scaling.original_max_position_embeddings);
  if (!(scaling.factor > 0.0)) inner.fail("factor", "must be more than 0");
  if (scaling.kind == RopeScaling::Kind::llama3 && !(scaling.high_freq_factor > scaling.low_freq_factor))
    inner.fail("high_freq_factor", "must be more than low_freq_factor");
  return scaling;
}

std::vector<float> read_factors(const Fields& fields, int head_dim) {
  if (!fields.has("rope_frequency_factors")) return {};
  const json& list = fields["rope_frequency_factors"];
  if (!list.is_array() || list.size() != static_cast<std::size_t>(head_dim / 2))
    fields.fail("rope_frequency_factors", "must be a list of head_dim / 2 numbers");
  std::vector<float> factors;
  for (const json& factor : list) {
    if (!factor.is_number() || !(factor.get<float>() > 0.0F))
      fields.fail("rope_frequency_factors", "holds " + factor.dump() + "; expected numbers above 0");
    factors.push_back(factor.get<float>());
  }
  return factors;
}

DecoderConfig read_decoder(const json& config, const std::string& kind, const std::string& where) {
  if (!config.is_object()) throw std::runtime_error(where + " should be an object, but is " + config.dump());
  const Fields fields(config, where);
  DecoderConfig read;
  read.vocab_size = fields.size("vocab_size");
  read.hidden_size = fields.size("hidden_size");
  read.intermediate_size = fields.size("intermediate_size");
  read.num_hidden_layers = fields.size("num_hidden_layers");
  read.num_attention_heads = fields.size("num_attention_heads");
  // Step-Audio 2 says it twice.
  const int groups = fields.size("num_attention_groups", read.num_attention_heads);
  read.num_key_value_heads = fields.size("num_key_value_heads", groups);
  if (fields.has("num_attention_groups") && groups != read.num_key_value_heads)
    fields.fail("num_attention_groups", "must be equal to num_key_value_heads");
  if (read.num_attention_heads % read.num_key_value_heads != 0)
    fields.fail("num_attention_heads", "must be a multiple of num_key_value_heads");
  read.head_dim = fields.size("head_dim", read.hidden_size / read.num_attention_heads);
  if (read.head_dim % 2 != 0 || read.head_dim == 0) fields.fail("head_dim", "must be even");
  read.max_position_embeddings = fields.size("max_position_embeddings");
  read.rms_norm_eps = static_cast<float>(fields.number("rms_norm_eps", 1e-6));
  read.rope_theta = fields.number("rope_theta", 10000.0);
  if (!(read.rope_theta > 0.0)) fields.fail("rope_theta", "must be more than 0");
  read.rope_scaling = read_scaling(fields, where);
  read.rope_frequency_factors = read_factors(fields, read.head_dim);
  read.tie_word_embeddings = fields.flag("tie_word_embeddings", false);
  const bool attention_bias = fields.flag("attention_bias", false);
  read.qkv_bias = kind == "qwen2" || attention_bias;
  read.output_bias = kind == "llama" && attention_bias;
  return read;
}

}  // namespace

DecoderConfig DecoderConfig::read(const json& config, const std::string& where) {
  if (!config.is_object()) throw std::runtime_error(where + ": expected an object");
  const std::string kind = Fields(config, where).text("model_type");
  if (kind == "step_audio_2") {
    const bool nested = config.contains("text_config");
    return read_decoder(nested ? config.at("text_config") : config, "qwen2",
                        nested ? where + ": text_config" : where);
  }
  if (kind != "llama" && kind != "qwen2")
    Fields(config, where).fail("model_type", "is \"" + kind + "\"; known are llama, qwen2 and step_audio_2");
  return read_decoder(config, kind, where);
}

}  // namespace parley::causal_lm
