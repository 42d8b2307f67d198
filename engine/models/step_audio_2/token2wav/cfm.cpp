#include "engine/models/step_audio_2/token2wav/cfm.hpp"

#include <cmath>
#include <map>
#include <numbers>

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

constexpr int solver_steps = 10;

struct Schedule {
  std::vector<float> times;    // at which the velocity is asked for
  std::vector<float> lengths;  // of the steps
};

// In float32 and with the time added up, as the reference does: its steps end where the last one began plus
// its length, which is not the next time to the last bit.
Schedule cosine_schedule() {
  const Tensor turns = at::linspace(0, 1, solver_steps + 1, at::TensorOptions(at::kFloat));
  const Tensor table = 1 - at::cos(turns * 0.5 * std::numbers::pi);
  const float* ends = table.const_data_ptr<float>();
  Schedule schedule;
  float time = ends[0];
  for (int step = 0; step < solver_steps; ++step) {
    schedule.times.push_back(time);
    schedule.lengths.push_back(ends[step + 1] - time);
    time += schedule.lengths.back();
  }
  return schedule;
}

// [rows, time, 4 bins]: x, mu, speaker, condition; all but x are zero in the row without conditions
Tensor estimator_input(const Cfm::Job& job) {
  const std::int64_t time = job.mu.size(0), bins = job.mu.size(1);
  Tensor input = at::zeros({guidance_rows, time, 4 * bins}, job.mu.options());
  const Tensor with = input.select(0, 0);
  with.narrow(1, bins, bins).copy_(job.mu);
  with.narrow(1, 2 * bins, bins).copy_(job.speaker.unsqueeze(0).expand({time, bins}));
  if (job.condition.defined()) with.narrow(1, 3 * bins, bins).copy_(job.condition);
  return input;
}

}  // namespace

Cfm::Cfm(const weights::Weights& weights, const DitConfig& config, double guidance_rate,
         const layers::Placement& placement)
    : steps_(cosine_schedule().lengths),
      guidance_rate_(guidance_rate),
      estimator_(weights.scope("estimator"), config, cosine_schedule().times, placement) {}

void Cfm::solve(Crew& crew, std::span<Job> jobs) const {
  std::vector<Tensor> inputs;
  std::map<std::int64_t, std::vector<std::size_t>> by_length;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].mel = jobs[i].noise.clone();
    jobs[i].cache->attention.make_room(static_cast<int>(jobs[i].mu.size(0)));
    jobs[i].cache->new_tails = at::empty_like(jobs[i].cache->tails);
    inputs.push_back(estimator_input(jobs[i]));
    by_length[jobs[i].mu.size(0)].push_back(i);
  }
  auto rows_of = [&](std::size_t job, int first, int count) {
    return DitRows{.prompt = jobs[job].prompt, .cache = jobs[job].cache, .first = first, .count = count};
  };
  std::vector<Tensor> velocities(jobs.size() * guidance_rows);  // [time, bins] each
  for (int step = 0; step < steps(); ++step) {
    for (std::size_t i = 0; i < jobs.size(); ++i)
      inputs[i]
          .narrow(2, 0, jobs[i].mel.size(1))
          .copy_(jobs[i].mel.unsqueeze(0).expand({guidance_rows, -1, -1}));
    if (crew.is_team()) {
      crew.run(static_cast<int>(velocities.size()), [&](int task) {
        const std::size_t job = static_cast<std::size_t>(task) / guidance_rows;
        const int row = task % guidance_rows;
        const DitRows rows = rows_of(job, row, 1);
        velocities[static_cast<std::size_t>(task)] =
            estimator_(inputs[job].narrow(0, row, 1), step, {&rows, 1}).squeeze(0);
      });
    } else {
      for (const auto& [length, members] : by_length) {
        std::vector<Tensor> stacked;
        std::vector<DitRows> rows;
        for (const std::size_t job : members) {
          stacked.push_back(inputs[job]);
          rows.push_back(rows_of(job, 0, guidance_rows));
        }
        const Tensor answers = estimator_(at::cat(stacked), step, rows);
        for (std::size_t i = 0; i < members.size() * guidance_rows; ++i)
          velocities[members[i / guidance_rows] * guidance_rows + i % guidance_rows] =
              answers[static_cast<std::int64_t>(i)];
      }
    }
    const double length = steps_[static_cast<std::size_t>(step)];
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      const Tensor& with = velocities[guidance_rows * i];
      const Tensor& without = velocities[guidance_rows * i + 1];
      jobs[i].mel = jobs[i].mel + length * ((1 + guidance_rate_) * with - guidance_rate_ * without);
    }
  }
}

}  // namespace parley::step_audio_2
