// The words of the wire for our enumerations, one table each, read in both directions.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "protocol/native/parameters.hpp"
#include "protocol/realtime/client_event.hpp"
#include "protocol/realtime/item.hpp"
#include "protocol/realtime/response.hpp"
#include "protocol/realtime/server_event.hpp"
#include "protocol/realtime/session.hpp"

namespace parley::protocol {

template <typename Enum, std::size_t Count>
using NameTable = std::array<std::pair<std::string_view, Enum>, Count>;

// names<Enum>: specialised below for each enumeration that travels.
template <typename Enum>
inline constexpr std::nullptr_t names{};

template <>
inline constexpr NameTable<ItemStatus, 3> names<ItemStatus>{{{"in_progress", ItemStatus::in_progress},
                                                             {"completed", ItemStatus::completed},
                                                             {"incomplete", ItemStatus::incomplete}}};
template <>
inline constexpr NameTable<Role, 3> names<Role>{
    {{"system", Role::system}, {"user", Role::user}, {"assistant", Role::assistant}}};
template <>
inline constexpr NameTable<SessionType, 2> names<SessionType>{
    {{"realtime", SessionType::realtime}, {"transcription", SessionType::transcription}}};
template <>
inline constexpr NameTable<Modality, 2> names<Modality>{
    {{"text", Modality::text}, {"audio", Modality::audio}}};
template <>
inline constexpr NameTable<AudioFormat::Encoding, 3> names<AudioFormat::Encoding>{
    {{"audio/pcm", AudioFormat::Encoding::pcm},
     {"audio/pcmu", AudioFormat::Encoding::pcmu},
     {"audio/pcma", AudioFormat::Encoding::pcma}}};
template <>
inline constexpr NameTable<NoiseReduction::Type, 2> names<NoiseReduction::Type>{
    {{"near_field", NoiseReduction::Type::near_field}, {"far_field", NoiseReduction::Type::far_field}}};
template <>
inline constexpr NameTable<SemanticVad::Eagerness, 4> names<SemanticVad::Eagerness>{
    {{"low", SemanticVad::Eagerness::low},
     {"medium", SemanticVad::Eagerness::medium},
     {"high", SemanticVad::Eagerness::high},
     {"auto", SemanticVad::Eagerness::automatic}}};
template <>
inline constexpr NameTable<ToolChoice::Mode, 3> names<ToolChoice::Mode>{
    // `function` travels as an object
    {{"none", ToolChoice::Mode::none},
     {"auto", ToolChoice::Mode::automatic},
     {"required", ToolChoice::Mode::required}}};
template <>
inline constexpr NameTable<Truncation::Strategy, 2> names<Truncation::Strategy>{
    // the ratio travels as an object
    {{"auto", Truncation::Strategy::automatic}, {"disabled", Truncation::Strategy::disabled}}};
template <>
inline constexpr NameTable<ResponseStatus, 5> names<ResponseStatus>{
    {{"in_progress", ResponseStatus::in_progress},
     {"completed", ResponseStatus::completed},
     {"cancelled", ResponseStatus::cancelled},
     {"failed", ResponseStatus::failed},
     {"incomplete", ResponseStatus::incomplete}}};
template <>
inline constexpr NameTable<CancelReason, 2> names<CancelReason>{
    {{"turn_detected", CancelReason::turn_detected}, {"client_cancelled", CancelReason::client_cancelled}}};
template <>
inline constexpr NameTable<IncompleteReason, 2> names<IncompleteReason>{
    {{"max_output_tokens", IncompleteReason::max_output_tokens},
     {"content_filter", IncompleteReason::content_filter}}};
template <>
inline constexpr NameTable<RateLimit::Name, 2> names<RateLimit::Name>{
    {{"requests", RateLimit::Name::requests}, {"tokens", RateLimit::Name::tokens}}};

template <>
inline constexpr NameTable<native::Codec, 2> names<native::Codec>{
    {{"opus", native::Codec::opus}, {"pcm16", native::Codec::pcm16}}};
template <>
inline constexpr NameTable<native::PlaybackReport, 3> names<native::PlaybackReport>{
    {{"header", native::PlaybackReport::header},
     {"events", native::PlaybackReport::events},
     {"none", native::PlaybackReport::none}}};
template <>
inline constexpr NameTable<NativePlaybackReport::State, 4> names<NativePlaybackReport::State>{
    {{"started", NativePlaybackReport::State::started},
     {"playing", NativePlaybackReport::State::playing},
     {"ended", NativePlaybackReport::State::ended},
     {"underrun", NativePlaybackReport::State::underrun}}};
template <>
inline constexpr NameTable<NativeOutputStreamDone::Reason, 3> names<NativeOutputStreamDone::Reason>{
    {{"completed", NativeOutputStreamDone::Reason::completed},
     {"cancelled", NativeOutputStreamDone::Reason::cancelled},
     {"failed", NativeOutputStreamDone::Reason::failed}}};
template <>
inline constexpr NameTable<NativeOutputStreamFlush::Reason, 4> names<NativeOutputStreamFlush::Reason>{
    {{"turn_detected", NativeOutputStreamFlush::Reason::turn_detected},
     {"client_cancelled", NativeOutputStreamFlush::Reason::client_cancelled},
     {"cleared", NativeOutputStreamFlush::Reason::cleared},
     {"superseded", NativeOutputStreamFlush::Reason::superseded}}};

template <typename Enum>
constexpr std::string_view name_of(Enum value) {
  for (const auto& [name, known] : names<Enum>)
    if (known == value) return name;
  return {};
}

template <typename Enum>
constexpr std::optional<Enum> named(std::string_view text) {
  for (const auto& [name, value] : names<Enum>)
    if (name == text) return value;
  return std::nullopt;
}

template <typename Enum>
constexpr auto all_names() {
  std::array<std::string_view, names<Enum>.size()> all{};
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = names<Enum>[i].first;
  return all;
}

}  // namespace parley::protocol
