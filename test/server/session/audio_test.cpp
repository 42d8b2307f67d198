// The audio of a session on its way in and out, without a socket.
#include <cmath>
#include <numbers>

#include "protocol/g711/g711.hpp"
#include "protocol/opus/decoder.hpp"
#include "server/session/appended_audio.hpp"
#include "server/session/native_input.hpp"
#include "server/session/output_audio.hpp"
#include "server/session/samples.hpp"
#include "server/session/speech_watch.hpp"
#include "test/support/catch.hpp"
#include "test/support/recordings.hpp"

using namespace parley;
using namespace parley::server;
namespace native = protocol::native;
using protocol::AudioFormat;

namespace {

std::vector<std::int16_t> tone(std::size_t count, int rate, double hz = 300) {
  std::vector<std::int16_t> pcm(count);
  for (std::size_t i = 0; i < count; ++i)
    pcm[i] =
        static_cast<std::int16_t>(8000 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / rate));
  return pcm;
}

template <typename Sample>
double rms(const std::vector<Sample>& pcm) {
  double sum = 0;
  for (const Sample sample : pcm) sum += static_cast<double>(sample) * static_cast<double>(sample);
  return pcm.empty() ? 0 : std::sqrt(sum / static_cast<double>(pcm.size()));
}

// A client's packets of a tone, one after the other.
class Packets {
 public:
  native::Frame next(int ms = 20) {
    if (!encoder_ || encoder_->settings().frame_ms != ms)
      encoder_.emplace(protocol::opus::EncoderSettings{.sample_rate_hz = 48000, .frame_ms = ms});
    payload_ = encoder_->encode(tone(static_cast<std::size_t>(48 * ms), 48000));
    native::Frame frame{
        .kind = native::input_kind, .seq = seq_, .timestamp = timestamp_, .payload = payload_};
    ++seq_;
    timestamp_ += static_cast<std::uint32_t>(48 * ms);
    return frame;
  }
  void skip(int ms) {
    seq_ = static_cast<std::uint16_t>(seq_ + ms / 20);
    timestamp_ += static_cast<std::uint32_t>(48 * ms);
  }

 private:
  std::optional<protocol::opus::Encoder> encoder_;
  protocol::Bytes payload_;
  std::uint16_t seq_ = 65533;  // wraps soon, as does the time
  std::uint32_t timestamp_ = 0xFFFFFFFFU - 5000;
};

constexpr conversation::Time start{std::chrono::hours(1)};

}  // namespace

TEST_CASE("packets that follow each other make one stream, wherever their numbers wrap",
          "[session][native]") {
  NativeInput input({});
  Packets packets;
  std::size_t samples = 0;
  for (int i = 0; i < 20; ++i) {
    const auto heard = input.take(packets.next(), start);
    CHECK_FALSE(heard.gap);
    CHECK_FALSE(heard.error);
    samples += heard.pcm.size();
  }
  CHECK(samples == 20 * 320);
  CHECK(input.stats() == NativeInput::Stats{20, 0, 0, 0});
}

TEST_CASE("N7: packets of any length are as long as they say", "[session][native]") {
  NativeInput input({});
  Packets packets;
  for (const int ms : {10, 20, 40, 60, 20})
    CHECK(input.take(packets.next(ms), start).pcm.size() == 16U * static_cast<unsigned>(ms));
  CHECK(input.stats().late + input.stats().lost == 0);
}

TEST_CASE("N6: what is missing is concealed, or silence, or a new beginning, by its length",
          "[session][native]") {
  NativeInput input({});
  Packets packets;
  for (int i = 0; i < 5; ++i) input.take(packets.next(), start);
  SECTION("up to 120 ms go on as they were heard") {
    packets.skip(60);
    const auto heard = input.take(packets.next(), start);
    CHECK(heard.pcm.size() == 4 * 320);
    const std::vector<float> concealed(heard.pcm.begin(), heard.pcm.begin() + 320);
    CHECK(rms(concealed) > 0.05);
    CHECK(input.stats().lost == 3);
    CHECK_FALSE(heard.gap);
  }
  SECTION("up to 2 s are silence") {
    packets.skip(1000);
    const auto heard = input.take(packets.next(), start);
    CHECK(heard.pcm.size() == 51 * 320);
    CHECK(rms(std::vector<float>(heard.pcm.begin(), heard.pcm.begin() + 50 * 320)) == 0);
    CHECK_FALSE(heard.gap);
  }
  SECTION("more is a new beginning") {
    packets.skip(2100);
    const auto heard = input.take(packets.next(), start);
    CHECK(heard.gap);
    CHECK(heard.pcm.size() == 320);
  }
  SECTION("and so is the START flag") {
    auto frame = packets.next();
    frame.start = true;
    const auto heard = input.take(frame, start);
    CHECK(heard.gap);
    CHECK(heard.pcm.size() == 320);
  }
}

TEST_CASE("N6: packets that come twice or too late are dropped", "[session][native]") {
  NativeInput input({});
  Packets packets;
  input.take(packets.next(), start);
  const auto frame = packets.next();
  CHECK(input.take(frame, start).pcm.size() == 320);
  CHECK(input.take(frame, start).pcm.empty());
  auto older = frame;
  older.timestamp -= 960;
  older.seq = static_cast<std::uint16_t>(older.seq - 1);
  CHECK(input.take(older, start).pcm.empty());
  CHECK(input.stats().late == 2);
  CHECK(input.take(packets.next(), start).pcm.size() == 320);
}

TEST_CASE("a packet that is no Opus is concealed, and told once a second", "[session][native]") {
  NativeInput input({});
  Packets packets;
  for (int i = 0; i < 5; ++i) input.take(packets.next(), start);
  const protocol::Bytes nonsense{std::byte{0xFF}, std::byte{0x00}};
  const auto bad = [&](int ms) {
    auto frame = packets.next();
    frame.payload = nonsense;
    return input.take(frame, start + std::chrono::milliseconds(ms));
  };
  const auto first = bad(0);
  CHECK(first.pcm.size() == 320);
  CHECK(first.error->code == protocol::ErrorCode::invalid_opus_packet);
  CHECK_FALSE(bad(999).error);
  CHECK(bad(1000).error);
  CHECK(input.bad_in_a_row() == 3);
  CHECK(input.stats().decode_errors == 3);
  CHECK(input.take(packets.next(), start).pcm.size() == 320);
  CHECK(input.bad_in_a_row() == 0);
}

TEST_CASE("PCM packets are resampled to what is heard", "[session][native]") {
  const int rate = GENERATE(8000, 12000, 16000, 24000, 48000);
  native::InputParameters parameters;
  parameters.codec = native::Codec::pcm16;
  parameters.rate = rate;
  NativeInput input(parameters);
  std::vector<float> heard;
  for (unsigned i = 0; i < 50; ++i) {
    const auto payload = bytes_of(tone(static_cast<std::size_t>(rate / 50), rate));
    const auto piece = input.take({.kind = native::input_kind,
                                   .pcm = true,
                                   .seq = static_cast<std::uint16_t>(i),
                                   .timestamp = i * 960,
                                   .payload = payload},
                                  start);
    heard.insert(heard.end(), piece.pcm.begin(), piece.pcm.end());
  }
  CHECK(heard.size() <= 16000);
  CHECK(heard.size() > 15500);
  CHECK(rms(heard) == Approx(8000 / 32768.0 / std::numbers::sqrt2).epsilon(0.05));
  CHECK(input.stats().lost + input.stats().late == 0);
}

TEST_CASE("appended bytes of every format are as long as they sound", "[session]") {
  struct Wish {
    AudioFormat format;
    std::size_t bytes_a_second;
  };
  const Wish wish = GENERATE(Wish{{}, 48000}, Wish{{AudioFormat::Encoding::pcmu, 8000}, 8000},
                             Wish{{AudioFormat::Encoding::pcma, 8000}, 8000});
  protocol::Bytes second(wish.bytes_a_second);
  AppendedAudio audio;
  double ms = 0;
  std::size_t samples = 0;
  // Pieces of an odd size, so that samples are split.
  for (protocol::ByteView rest = second; !rest.empty();) {
    const auto piece = rest.first(std::min<std::size_t>(997, rest.size()));
    rest = rest.subspan(piece.size());
    const InputPcm heard = audio.push(piece, wish.format);
    ms += heard.ms;
    samples += heard.pcm.size();
  }
  samples += audio.finish().pcm.size();
  CHECK(ms == Approx(1000));
  CHECK(samples == Approx(16000).margin(2));
}

TEST_CASE("an odd byte waits for its other half, and clearing forgets it", "[session]") {
  AppendedAudio audio;
  const protocol::Bytes three(3);
  CHECK(audio.push(three, {}).ms == Approx(1000.0 / 24000));
  CHECK(audio.push(three, {}).ms == Approx(2 * 1000.0 / 24000));
  audio.push(three, {});
  audio.reset();
  CHECK(audio.push(three, {}).ms == Approx(1000.0 / 24000));
}

TEST_CASE("windows are judged as they fill, wherever the pieces end", "[session]") {
  const auto net = audio::VoiceActivityNet::load(PARLEY_SOURCE_DIR "/.deps/starter/vad");
  const auto pcm = test::raw_pcm("goforward.raw");
  const auto judge = [&](std::size_t piece) {
    SpeechWatch watch(net);
    std::vector<conversation::VoiceActivity> all;
    for (std::span<const float> rest = pcm; !rest.empty();
         rest = rest.subspan(std::min(piece, rest.size()))) {
      const auto judged = watch.push(rest.first(std::min(piece, rest.size())), true);
      all.insert(all.end(), judged.begin(), judged.end());
    }
    return all;
  };
  const auto at_once = judge(pcm.size());
  REQUIRE(at_once.size() == pcm.size() / 512);
  CHECK(at_once.back().end == static_cast<conversation::AudioPosition>(pcm.size() / 512 * 512));
  for (const std::size_t piece : {100U, 320U, 512U, 2000U}) {
    const auto pieces = judge(piece);
    REQUIRE(pieces.size() == at_once.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      CHECK(pieces[i].end == at_once[i].end);
      CHECK(pieces[i].probability == at_once[i].probability);
    }
  }
}

TEST_CASE("time goes on while nobody asks for judgements", "[session]") {
  SpeechWatch watch(audio::VoiceActivityNet::load(PARLEY_SOURCE_DIR "/.deps/starter/vad"));
  const std::vector<float> silence(700);
  CHECK(watch.push(silence, true).size() == 1);
  CHECK(watch.push(silence, false).empty());
  const auto judged = watch.push(silence, true);
  REQUIRE(judged.size() == 1);
  CHECK(judged[0].end == 1400 + 512);
  watch.restart();
  CHECK(watch.push(silence, true).at(0).end == 2100 + 512);
}

namespace {

conversation::SendAudio speech(std::uint32_t stream, std::uint16_t seq, int ms, bool last) {
  conversation::SendAudio audio;
  audio.stream = stream;
  audio.packet.pcm = tone(static_cast<std::size_t>(24 * ms), 24000);
  audio.packet.seq = seq;
  audio.packet.timestamp = static_cast<std::uint32_t>(seq * 48 * ms);
  audio.packet.text_cursor = 9;
  audio.packet.first = seq == 0;
  audio.packet.last = last;
  return audio;
}

}  // namespace

TEST_CASE("deltas sound the same in every format", "[session]") {
  const auto format = GENERATE(AudioFormat{}, AudioFormat{AudioFormat::Encoding::pcm, 16000},
                               AudioFormat{AudioFormat::Encoding::pcmu, 8000},
                               AudioFormat{AudioFormat::Encoding::pcma, 8000});
  OutputAudio output;
  protocol::Bytes all;
  for (std::uint16_t i = 0; i < 10; ++i) {
    auto audio = speech(1, i, 100, i == 9);
    audio.format = format;
    const auto bytes = output.delta(audio);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  CHECK(all.size() == static_cast<std::size_t>(format.bytes_per_second()));
  std::vector<std::int16_t> pcm;
  if (format.encoding == AudioFormat::Encoding::pcm)
    pcm = samples_of(all);
  else
    pcm = protocol::g711::decode(
        format.encoding == AudioFormat::Encoding::pcmu ? protocol::g711::Law::mu : protocol::g711::Law::a,
        all);
  CHECK(rms(pcm) == Approx(8000 / std::numbers::sqrt2).epsilon(0.03));
  CHECK(output.streams() == 0);  // nothing is kept between answers
}

TEST_CASE("a packet has the header of its place in the stream", "[session][native]") {
  OutputAudio output;
  const auto message = output.packet(speech(7, 3, 20, false), {});
  REQUIRE(message);
  const auto frame = native::decode_frame(*message);
  REQUIRE(frame.has_value());
  CHECK(frame->kind == native::output_kind);
  CHECK(frame->stream == 7);
  CHECK(frame->seq == 3);
  CHECK(frame->timestamp == 3 * 960);
  CHECK(frame->aux == 9);
  CHECK_FALSE(frame->end);
  CHECK(output.streams() == 1);

  auto end = speech(7, 4, 0, true);
  const auto mark = output.packet(end, {});
  REQUIRE(mark);
  CHECK(mark->size() == native::header_size);
  CHECK(output.streams() == 0);
  native::OutputParameters headerless;
  headerless.header = false;
  CHECK_FALSE(output.packet(end, headerless));
}

TEST_CASE("streams that are never finished do not pile up", "[session][native]") {
  OutputAudio output;
  for (std::uint32_t stream = 1; stream < 100; ++stream) output.packet(speech(stream, 0, 20, false), {});
  CHECK(output.streams() <= 8);
}
