#include "engine/models/starter/phonemizer/pronunciation_tables.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/weights/safetensors.hpp"

namespace parley::phonemizer {
namespace {

using Json = nlohmann::ordered_json;

template <typename Number>
constexpr weights::Dtype dtype_for() {
  if constexpr (std::is_same_v<Number, float>) return weights::Dtype::f32;
  if constexpr (std::is_same_v<Number, std::uint32_t>) return weights::Dtype::u32;
  if constexpr (std::is_same_v<Number, std::int16_t>) return weights::Dtype::i16;
  if constexpr (std::is_same_v<Number, std::uint8_t>) return weights::Dtype::u8;
}

std::u32string text_of(const Json& value) { return decode_utf8(value.get<std::string>()); }

std::map<std::u32string, std::u32string> words_of(const Json& object) {
  std::map<std::u32string, std::u32string> words;
  for (const auto& [key, value] : object.items()) words.emplace(decode_utf8(key), text_of(value));
  return words;
}

std::map<std::u32string, Plural> plurals_of(const Json& object) {
  std::map<std::u32string, Plural> plurals;
  for (const auto& [key, value] : object.items())
    plurals.emplace(decode_utf8(key), Plural(text_of(value.at(0)), text_of(value.at(1))));
  return plurals;
}

std::vector<std::u32string> list_of(const Json& array) {
  std::vector<std::u32string> list;
  for (const auto& value : array) list.push_back(text_of(value));
  return list;
}

Json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path.string() + " cannot be read; convert the voice again");
  try {
    return Json::parse(file);
  } catch (const Json::exception& error) {
    throw std::runtime_error(path.string() + " is not valid JSON: " + error.what());
  }
}

}  // namespace

struct PronunciationTables::Files {
  explicit Files(const std::filesystem::path& folder)
      : path(folder / "pronunciation.json"),
        tables(folder / "pronunciation.safetensors"),
        small(read_json(path)) {}

  template <typename Number>
  std::span<const Number> numbers(const std::string& name) const {
    const weights::TensorView& tensor = tables.at(name);
    bool aligned = reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % alignof(Number) == 0;
    if (tensor.dtype != dtype_for<Number>() || !aligned)
      throw std::runtime_error("pronunciation.safetensors: " + name +
                               " has the wrong number format; convert the voice again");
    return {reinterpret_cast<const Number*>(tensor.bytes.data()), tensor.bytes.size() / sizeof(Number)};
  }

  StringTable strings(const std::string& name) const {
    auto bytes = numbers<std::uint8_t>(name + ".bytes");
    auto ends = numbers<std::uint32_t>(name + ".ends");
    // A broken table must not send a search outside the mapping.
    bool rising = std::is_sorted(ends.begin(), ends.end()) && (ends.empty() || ends.back() <= bytes.size());
    if (!rising)
      throw std::runtime_error("pronunciation.safetensors: " + name + " is damaged; convert the voice again");
    return {bytes, ends};
  }

  StringMap map(const std::string& name) const {
    StringTable keys = strings(name + ".keys");
    StringTable values = strings(name + ".values");
    require(keys.size() == values.size(), name);
    return {keys, values};
  }

  static void require(bool fits, const std::string& name) {
    if (!fits)
      throw std::runtime_error("pronunciation.safetensors: the tables of " + name +
                               " do not fit together; convert the voice again");
  }

  // A value of pronunciation.json, by the names on the way to it.
  const Json& value(std::initializer_list<const char*> way) const {
    const Json* at = &small;
    for (const char* name : way) {
      if (!at->contains(name))
        throw std::runtime_error(path.string() + " lacks `" + name + "`; convert the voice again");
      at = &(*at)[name];
    }
    return *at;
  }

  std::filesystem::path path;
  weights::Safetensors tables;
  Json small;
};

PronunciationTables::PronunciationTables(const std::filesystem::path& folder)
    : files_(std::make_unique<Files>(folder)) {}
PronunciationTables::~PronunciationTables() = default;

UnicodeTables PronunciationTables::unicode() const {
  auto numbers = [&](const char* name) {
    return files_->numbers<std::uint32_t>(std::string("unicode.") + name);
  };
  UnicodeTables tables{files_->numbers<std::uint8_t>("unicode.classes"),
                       numbers("lower"),
                       numbers("upper"),
                       numbers("digits"),
                       numbers("decomposed.points"),
                       numbers("decomposed.ends"),
                       numbers("decomposed.text"),
                       numbers("composed")};
  auto ends = tables.decomposed_ends;
  Files::require(ends.size() == tables.decomposed_points.size() && std::is_sorted(ends.begin(), ends.end()) &&
                     (ends.empty() || ends.back() <= tables.decomposed_text.size()),
                 "unicode");
  return tables;
}

NormalizerTables PronunciationTables::normalizer() const {
  NormalizerTables tables;
  tables.months = words_of(files_->value({"normalize", "months"}));
  tables.titles = words_of(files_->value({"normalize", "titles"}));
  tables.abbreviations = words_of(files_->value({"normalize", "abbreviations"}));
  tables.units = plurals_of(files_->value({"normalize", "units"}));
  tables.currency = plurals_of(files_->value({"normalize", "currency"}));
  for (const auto& [symbol, word] : files_->value({"normalize", "symbols"}).items())
    tables.symbols.emplace_back(decode_utf8(symbol), text_of(word));
  tables.roman_cardinal = list_of(files_->value({"normalize", "roman_cardinal"}));
  tables.roman_ordinal = list_of(files_->value({"normalize", "roman_ordinal"}));
  return tables;
}

std::vector<std::u32string> PronunciationTables::titles() const {
  std::vector<std::u32string> titles;
  for (const auto& [title, expansion] : files_->value({"normalize", "titles"}).items())
    titles.push_back(decode_utf8(title));
  return titles;
}

StringMap PronunciationTables::exceptions() const { return files_->map("exceptions"); }
StringMap PronunciationTables::gold() const { return files_->map("lexicon.gold"); }
StringMap PronunciationTables::silver() const { return files_->map("lexicon.silver"); }

TaggerTables PronunciationTables::tagger() const {
  TaggerTables tables;
  tables.tags = files_->value({"tags"}).get<std::vector<std::string>>();
  tables.words = files_->strings("tagger.words.keys");
  tables.word_tags = files_->numbers<std::uint8_t>("tagger.words.tags");
  tables.frequent = files_->strings("tagger.frequent.keys");
  tables.features = files_->strings("tagger.features.keys");
  tables.row_ends = files_->numbers<std::uint32_t>("tagger.features.ends");
  tables.weight_tags = files_->numbers<std::uint8_t>("tagger.features.tags");
  tables.weight_tenths = files_->numbers<std::int16_t>("tagger.features.tenths");
  auto is_tag = [&](std::uint8_t tag) { return tag < tables.tags.size(); };
  Files::require(tables.words.size() == tables.word_tags.size() &&
                     tables.features.size() == tables.row_ends.size() &&
                     tables.weight_tags.size() == tables.weight_tenths.size() &&
                     std::is_sorted(tables.row_ends.begin(), tables.row_ends.end()) &&
                     (tables.row_ends.empty() || tables.row_ends.back() <= tables.weight_tags.size()) &&
                     std::all_of(tables.word_tags.begin(), tables.word_tags.end(), is_tag) &&
                     std::all_of(tables.weight_tags.begin(), tables.weight_tags.end(), is_tag),
                 "tagger");
  return tables;
}

UnknownWordsTables PronunciationTables::unknown_words() const {
  auto floats = [&](const std::string& name) { return files_->numbers<float>("unknown_words." + name); };
  auto linear = [&](const std::string& name) {
    return UnknownWordsTables::Linear{floats(name + ".weight"), floats(name + ".bias")};
  };
  auto norm = [&](const std::string& name) {
    return UnknownWordsTables::Norm{floats(name + ".weight"), floats(name + ".bias")};
  };
  UnknownWordsTables tables;
  tables.letters = text_of(files_->value({"unknown_words", "letters"}));
  tables.phonemes = text_of(files_->value({"unknown_words", "phonemes"}));
  tables.slots = files_->value({"unknown_words", "slots"}).get<int>();
  tables.longest = files_->value({"unknown_words", "longest"}).get<std::size_t>();
  tables.heads = files_->value({"unknown_words", "heads"}).get<std::size_t>();
  tables.emb = floats("emb.weight");
  tables.pos = floats("pos");
  for (int i = 0;
       files_->tables.tensors().contains("unknown_words.layers." + std::to_string(i) + ".norm1.bias"); ++i) {
    std::string layer = "layers." + std::to_string(i) + ".";
    tables.layers.push_back(
        {norm(layer + "norm1"),
         norm(layer + "norm2"),
         {floats(layer + "self_attn.in_proj_weight"), floats(layer + "self_attn.in_proj_bias")},
         linear(layer + "self_attn.out_proj"),
         linear(layer + "linear1"),
         linear(layer + "linear2")});
  }
  tables.norm = norm("norm");
  tables.head = linear("head");
  return tables;
}

}  // namespace parley::phonemizer
