// Tested by test/engine/models/step_audio_2/generator_test.cpp.
#include "engine/models/step_audio_2/generator.hpp"

#include <chrono>
#include <cmath>
#include <span>
#include <stdexcept>
#include <utility>

#include "engine/audio/sinc_resampler.hpp"
#include "engine/audio_file/audio_file.hpp"
#include "engine/models/causal_lm/sampler.hpp"
#include "engine/models/step_audio_2/ear/pieces.hpp"
#include "engine/text/incremental_decoder.hpp"
#include "engine/text/stop_strings.hpp"

namespace parley::step_audio_2 {
namespace {

using Clock = std::chrono::steady_clock;
using text::SpecialTokens;

double ms_since(Clock::time_point from) {
  return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

// A file's messages as the prompt writer wants them. `sound` makes an item of a recording.
template <typename Sound>
std::vector<Message> messages_of(const ConversationFile& conversation, const Sound& sound) {
  std::vector<Message> messages;
  for (const FileMessage& from : conversation.messages) {
    Message message{from.role, {}, from.ended};
    if (const auto* string = std::get_if<std::string>(&from.content)) {
      message.content = TextItem{*string, SpecialTokens::parsed};
    } else if (const auto* list = std::get_if<std::vector<FileItem>>(&from.content)) {
      std::vector<MessageItem> items;
      for (const FileItem& item : *list) {
        if (const auto* text = std::get_if<FileText>(&item.content)) {
          items.push_back(TextItem{text->text, SpecialTokens::parsed});
        } else if (const auto* tokens = std::get_if<FileTokens>(&item.content)) {
          items.push_back(TokenItem{tokens->ids});
        } else {
          items.push_back(sound(std::get<FileAudio>(item.content)));
        }
      }
      message.content = std::move(items);
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

void check_ids(const std::vector<int>& ids, int vocabulary) {
  for (const int id : ids)
    if (id >= vocabulary)
      throw std::runtime_error("The conversation holds the token " + std::to_string(id) +
                               "; the model's ids are 0 .. " + std::to_string(vocabulary - 1));
}

}  // namespace

std::vector<float> read_for_ear(const std::filesystem::path& file) {
  const audio_file::Sound sound = audio_file::read_sound(file);
  return audio::resample_by_sinc(sound.channels.front(), sound.rate_hz, ear_sample_rate_hz);
}

Generator Generator::load(const weights::Bundle& bundle, const CoreOptions& options) {
  return Generator(Core::load(bundle, options));
}

Generated Generator::generate(const ConversationFile& conversation, const GenerateSettings& settings) {
  Generated generated;
  auto from = Clock::now();
  std::vector<Listening> sounds;
  const std::vector<Message> messages = messages_of(conversation, [&](const FileAudio& audio) -> MessageItem {
    sounds.push_back(core_->ear.listen());
    sounds.back().push(read_for_ear(audio.file));
    AudioItem item;
    for (int piece = 0; piece < sounds.back().pieces(); ++piece)
      item.piece_tokens.push_back(sounds.back().tokens(piece));
    return item;
  });
  std::vector<const Listening*> heard;
  for (const Listening& sound : sounds) heard.push_back(&sound);
  // Together, as the reference pads all pieces of a conversation to the longest.
  std::vector<Encoding> encodings = core_->ear.begin_together(heard);
  std::vector<Encoding*> batch;
  for (Encoding& encoding : encodings) batch.push_back(&encoding);
  if (!batch.empty()) core_->ear.encode(batch);

  Prompt prompt = core_->writer.write(messages);
  if (prompt.ids.empty()) throw std::runtime_error("The conversation is empty: there is nothing to answer.");
  check_ids(prompt.ids, core_->brain.info().vocabulary);
  generated.prompt_ids = prompt.ids;
  std::vector<causal_lm::EmbeddedRows> rows;
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    const std::span<const float> values = encodings[i].rows();
    rows.emplace_back(std::vector<float>(values.begin(), values.end()), core_->ear.hidden());
    const AudioGroup& group = prompt.groups[i];
    for (int row = 0; row < group.tokens; ++row)
      prompt.ids[static_cast<std::size_t>(group.first + row)] = rows.back().id(row);
    if (!settings.stages) continue;
    const std::span<const float> encoded = encodings[i].encoder_output();
    generated.pieces.push_back({encodings[i].log_mel(),
                                {encoded.begin(), encoded.end()},
                                {values.begin(), values.end()},
                                encodings[i].frames()});
  }
  generated.encode_ms = ms_since(from);

  from = Clock::now();
  causal_lm::KvSlot slot = core_->brain.new_slot();
  core_->brain.prefill(slot, std::span(prompt.ids).first(prompt.ids.size() - 1));
  int token = prompt.ids.back();
  if (settings.stages) {
    generated.first_logits = core_->brain.logits(slot, token);
    slot.truncate(slot.length() - 1);
  }
  generated.prefill_ms = ms_since(from);

  from = Clock::now();
  causal_lm::Sampler sampler(settings.sampling, causal_lm::Penalised::all);
  sampler.read(generated.prompt_ids);
  text::IncrementalDecoder decoder(core_->tokenizer);
  text::StopStrings stop_strings(settings.stop_strings);
  std::optional<text::StopStrings> thinking;
  if (settings.thinking) thinking.emplace(std::vector{settings.thinking->end});
  generated.stop_reason = "max_new_tokens";
  while (static_cast<int>(generated.output_ids.size()) < settings.max_new_tokens) {
    if (slot.length() == core_->brain.info().context_tokens) {
      generated.stop_reason = "context_full";
      break;
    }
    const causal_lm::DecodeRow row{&slot, token, &sampler};
    const causal_lm::Decoded next = core_->brain.decode({&row, 1}).front();
    if (!next.finite)
      throw std::domain_error("The language model's logits are not numbers after token " +
                              std::to_string(generated.output_ids.size()) + " of the answer.");
    token = next.token;
    if (core_->ends_answer(token)) {
      generated.stop_reason = "stop";
      break;
    }
    generated.output_ids.push_back(token);
    if (thinking && thinking->push(decoder.push(token)).stopped) {
      generated.thinking = core_->tokenizer.decode(generated.output_ids, /*show_special=*/true);
      generated.output_ids.clear();
      thinking.reset();
      decoder = text::IncrementalDecoder(core_->tokenizer);
      std::vector<int> opening = core_->tokenizer.encode(settings.thinking->answer, SpecialTokens::parsed);
      sampler.read(opening);
      opening.insert(opening.begin(), token);
      core_->brain.prefill(slot, std::span(opening).first(opening.size() - 1));
      token = opening.back();
      continue;
    }
    if (!thinking && core_->vocabulary.is_text(token) && stop_strings.push(decoder.push(token)).stopped) {
      generated.stop_reason = "stop_string";
      break;
    }
  }
  generated.decode_ms = ms_since(from);

  std::vector<int> text_ids;
  for (const int id : generated.output_ids) {
    if (core_->vocabulary.is_text(id)) text_ids.push_back(id);
    if (core_->vocabulary.is_audio(id)) generated.audio_tokens.push_back(id - core_->vocabulary.audio_0);
  }
  generated.text = core_->tokenizer.decode(text_ids, /*show_special=*/true);
  return generated;
}

Scored Generator::score(const ConversationFile& conversation, const Tokenize& tokenize) {
  const std::vector<Message> messages = messages_of(conversation, [&](const FileAudio& audio) -> MessageItem {
    TokenItem tokens{tokenize(read_for_ear(audio.file))};
    for (int& code : tokens.ids) code += core_->vocabulary.audio_0;
    return tokens;
  });
  const Prompt prompt = core_->writer.write(messages);
  check_ids(prompt.ids, core_->brain.info().vocabulary);
  Scored scored;
  scored.prompt_ids = prompt.ids;
  causal_lm::KvSlot slot = core_->brain.new_slot();
  const std::vector<double> log_probabilities = core_->brain.log_probabilities(slot, prompt.ids);
  double sum = 0, audio_sum = 0;
  int audio = 0;
  const auto add = [&](const Stretch& stretch) {
    for (int position = std::max(stretch.begin, 1); position < stretch.end; ++position) {
      const int id = prompt.ids[static_cast<std::size_t>(position)];
      const double value = log_probabilities[static_cast<std::size_t>(position - 1)];
      scored.tokens.push_back({position, id, value});
      sum += value;
      if (!core_->vocabulary.is_audio(id)) continue;
      audio_sum += value;
      ++audio;
    }
  };
  for (std::size_t m = 0; m < conversation.messages.size(); ++m) {
    const FileMessage& message = conversation.messages[m];
    const auto* list = std::get_if<std::vector<FileItem>>(&message.content);
    for (std::size_t i = 0; i < prompt.items[m].size(); ++i)
      if (message.score || (list != nullptr && (*list)[i].score)) add(prompt.items[m][i]);
  }
  if (scored.tokens.empty())
    throw std::runtime_error(
        "Nothing of the conversation is marked to be scored; expected \"score\": true on a message or an "
        "item that "
        "has tokens.");
  scored.mean = sum / static_cast<double>(scored.tokens.size());
  if (audio > 0) scored.audio_mean = audio_sum / audio;
  return scored;
}

}  // namespace parley::step_audio_2
