"""Writes phonemes.txt: 500 varied sentences with the phonemes that the Python package hibari-tts 0.2.1 gives them.

    python make_phonemes.py > phonemes.txt        # in an environment with hibari-tts

A line a sentence: text, tab, phonemes. A text of several sentences has its phoneme strings joined by " | ".
"""
import random

from hibari import Hibari

WRITTEN = """
The capital of France is Paris, which is a beautiful city on the river Seine.
I'd like to read the book that you read last week, wouldn't you?
She used to live near the live music hall, but she used a map anyway.
Dr. Smith lives at 221B Baker St. in London, doesn't he?
Mr. and Mrs. O'Neill won't be there until 7:30 p.m. on Friday.
It costs $9.99, or about £7.50, or €8.75 if you pay by card.
The company earned $3.5 billion in 2023, up 12% from $3.1 billion.
On March 3rd, 2024, 1,250 people paid $5 each.
Visit https://www.example.com/help?id=42 or write to info@example.org today.
Wow!!! That's... amazing?! I can't believe it.
NASA, the FBI and the U.S. Navy met at NATO's HQ.
My phone number is 555-867-5309, extension 12.
Turn left at 5th Ave., then go 2.5 km north.
The temperature fell to -15°C (5°F) overnight.
"Hello," he said, "how are you?" She didn't answer.
World War II ended in 1945; Henry VIII died in 1547.
Add 1/2 cup of sugar, 3/4 tsp. of salt and 2 tbsp of oil.
The score was 3-2 after extra time, and 21–14 in the other game.
He has a PhD from MIT and works at IBM as a CTO.
Our Wi-Fi's password is P4ssw0rd, don't tell anyone.
The naïve café owner's résumé was full of clichés.
Bjørn and Łukasz met Chloë in Zürich on 12/05/2021.
I have 3 cats, 2 dogs & 1 goldfish.
We're running out of time; they've been waiting since 10am.
Is 50% of 1,000,000 equal to 500,000?
E = mc² is Einstein's most famous equation.
The 1990s were great, but the '80s were better.
Read chapter IV, then part II, and finally volume 3.
No. 1 on the list: don't panic.
It's a well-known fact that mother-in-law jokes are old-fashioned.
John F. Kennedy was born on May 29, 1917, in Brookline.
The record was set in 9.58 seconds by Usain Bolt.
They will record a new record next year.
I object to that object being on my desk.
The wind made it hard to wind the clock.
Please close the door, it's close to midnight.
He decided to desert his dessert in the desert.
The bandage was wound around the wound.
She will lead the team to the lead mine.
There was a tear in her eye and a tear in her dress.
The dove dove into the bushes.
Refuse to take out the refuse?
We must polish the Polish furniture.
I did not present the present at present.
The soldier was content with the content of the letter.
A minute is sixty seconds; a minute amount is tiny.
Use the USB-C port, not the HDMI one.
GPT-4 and Llama 3.1 were released in 2023 and 2024.
An hour is a long time for an honest engineer.
The URL is www.wikipedia.org/wiki/Speech_synthesis.
A B-52 flew over at 30,000 ft at 500 mph.
It's 5 o'clock somewhere, isn't it?
Ain't nobody got time for that, y'all.
What's up, doc? Nothin' much.
I'm gonna wanna see that, gimme a sec.
Let's go to the U.K., then to the U.A.E. and back.
Is this the end? No, it's only the beginning...
The vet's pets' beds were wet.
Jess's cat's toys and James' dog's bones are lost.
Call 911 or 1-800-555-0199 right now!
Version 2.0.1 fixes bugs #12, #34 and #56.
She bought 12 eggs @ $0.25 each = $3.00 total.
The ratio is 16:9, not 4:3.
Press Ctrl+Alt+Del to continue.
The iPhone and the eBay app crashed on my MacBook.
McDonald's and KFC are in the mall; so is H&M.
He's 6'2" tall and weighs 180 lbs.
The file is 4.7 GB, which takes 20 min at 30 Mbps.
I'll meet you at 9:05, or 09:15 at the latest, or 14:00.
The meeting is on Mon., Jan. 5 at 10:00 a.m. in Rm. 4.
Sgt. Pepper, Capt. Kirk, Gen. Lee and Rev. Brown walked in.
Prof. X teaches at St. Mary's near Mt. Everest.
Apple Inc. and Alphabet Corp. are in the S&P 500.
It rained cats and dogs, i.e., heavily, e.g. like yesterday, etc.
“Curly quotes” and ‘single ones’ — plus dashes – are fine.
Some text (in parentheses) and [in brackets] and {in braces}.
¿Dónde está la biblioteca? That is Spanish.
Emoji like 😀 and 🚀 should be skipped.
日本語 is Japanese and Привет is Russian.
Xylophagous quokkas perambulated through Zzyzx.
Supercalifragilisticexpialidocious is a word from Mary Poppins.
The quick brown fox jumps over the lazy dog.
Peter Piper picked a peck of pickled peppers.
She sells sea shells by the sea shore.
How much wood would a woodchuck chuck if a woodchuck could chuck wood?
To be, or not to be: that is the question.
All animals are equal, but some are more equal than others.
Kubernetes, PostgreSQL and nginx run on Debian GNU/Linux.
The API returns JSON over HTTP/2 with a 404 error.
I got 99 problems but a bug ain't 1.
Twenty-one plus thirty-two is fifty-three.
He came in 1st, she came in 2nd, and I came in 23rd.
The 21st century began in 2001.
In 1066, in 1805, in 1900, in 2000, in 2009 and in 2010.
Pay ¥500, ₹2,000, 50¢ or 3 USD.
She earns $80k a year; he made $2M in a day.
Approx. 5 in. of snow fell vs. 3 in. last year.
The dept. of health est. 1902 has a new bldg.
See fig. 3 on pp. 12-15 of vol. 2, 3rd ed.
Roll 2d6 + 3 or 1d20.
It's -5 today and +7 tomorrow.
A 3x5 card, a 4K TV and a 5G phone.
The AI's answer: 42.
Either you're in, or you're out.
Am I in? I am in. Yes, I am.
The apple, the orange, the hour and the unicorn.
A an the of to in for on with at by from.
To eat, to sleep, to understand, to you.
I want to, but I don't have to.
Come in! Log in to it. Look at it.
He is used to it. She used it. It was used.
Vs. the world, vs the rest.
Okay, OK, ok, o.k.
Hmm, uh, um, er, ah, oh!
Yes/no questions and/or answers, he/she.
rock'n'roll, fish 'n' chips, 'tis the season, 'cause I said so.
snake_case, camelCase, PascalCase and kebab-case.
1. First do this.
2) Then do that.
- A list item
* Another item
# A heading
**Bold text** and *italic text* and `code`.
Click [this link](https://example.com) now.
I said [hello](/həlˈO/) to him.
The cost is 5 dollars/hour, 24/7.
On 2024-02-29 and on 7/4/76 and on 31/12/1999.
The 4th of July, the 14 February, 1 January 2020.
September 11, 2001 and Sept. 5 and Dec 25th.
Ten km, 10 km, 10km, 1 km, 1.5 kg, 1 lb, 3 oz.
60 Hz, 2.4 GHz, 100 kW, 5 kWh, 3,000 mAh.
It's 20° outside, 72 °F inside, and 1 ° more.
x < y, y > z, x = z, a ~ b.
5 < 6 and 7 > 3, so 2 + 2 = 4.
© 2024 ACME™ Corp®.
½ of ¾ is not ¼, it's ±3 × 2 ÷ 4.
A→B and C←D.
§ 12 of the law, ¶ 3.
O'Reilly's d'Artagnan l'Oréal.
USA, UK, EU, UN, WHO, CEO, FAQ, ASAP, DIY, RSVP.
WE ARE SHOUTING IN ALL CAPS TODAY!
THE END IS NEAR, TO BE SURE.
iOS 17.2, macOS 14, Windows 11, Python 3.12.
JFK flew to LAX on a 747-400.
F-16s and MiG-29s, A320neo, T-1000, R2-D2 and C-3PO.
Model X100, room 101B, gate B12, flight UA2402.
0, 00, 007, 1.0, 0.5, .75, 1,234.56, 1234567.
1,000th visitor, 2,500 km², 10m², 3m/s.
COVID-19 and H1N1, vitamin B12, CO2, H2O.
Mon-Fri 9-5, pages 10-20, 1914-1918.
$1, $1.01, $0.01, $100.00, $1,234.56, $0.
£1 and £2.02; €1 and €3.10.
$5 million, $1.2bn, £3k, €7 thousand.
"""

NAMES = """Alice Bob Charlotte Dmitri Eleanor Fernando Giulia Hiroshi Ingrid Jamal Katarzyna Liam Mahmoud Nguyen Olivia
Priya Quentin Rosalind Siobhan Tariq Ursula Vikram Wilhelmina Xiaoming Yevgeny Zoe McAllister O'Connor Fitzgerald
Schwarzenegger Kowalczyk Rodriguez Tchaikovsky Wojciechowski Featherstonehaugh""".split()
PLACES = """Boston Reykjavik Massachusetts Edinburgh Kyoto Albuquerque Ljubljana Worcester Timbuktu Tucson Oaxaca Leicester
Phnom-Penh Saskatchewan Versailles Djibouti""".split()
NOUNS = """garden computer violin algorithm sandwich bicycle thunderstorm microscope refrigerator philosophy orchestra
dinosaur lighthouse mosquito parliament chocolate umbrella squirrel telescope spreadsheet blockchain tokenizer
vocoder transformer""".split()
VERBS = """cleaned repaired admired investigated decorated painted borrowed described measured photographed organized
forgot upgraded googled refactored memorized wanted needed started visited""".split()
ADJECTIVES = """enormous tiny fascinating mysterious delicious ancient complicated wonderful rusty elegant suspicious
lukewarm unbelievable half-finished second-hand state-of-the-art pre-trained""".split()
MONTHS = "January February March April May June July August September October November December".split()
CHAT = """Sure, I can help you with that! {n} {v} the {a} {o}.
I think {n}'s {o} is {a}, but I'm not sure.
Why did {n} go to {p} in {y}? Because the {o} was there.
{n} paid ${d}.{c:02d} for {k} {o}s in {p}.
On {m} {j}, {y}, {n} moved from {p} to {q}.
The {o} weighs {k}.{h} kg and costs {t},{s:03d} euros.
It's {w}:{c:02d} in {p} and the {o} isn't {a} any more.
"{a}," said {n}, "is not the word I'd use for this {o}."
{n} {v} {k}% of the {o}s; {r} {v} the rest.
Would you rather have {k} {a} {o}s or {h} big ones?
In {y} there were about {t} million {o}s in {p}.
We've {v} it, they'll have {v} it, and you'd {v} it, too.
Here's what {n} said: the {o} that {r} {v} was {a}!
There are {k} steps: first, find the {o}; second, take it to {p}.
{n} and {r} are reading about the {o} they read about in {p}."""


def generated(count, random_state):
    choose = random_state.choice
    forms = CHAT.splitlines()
    for index in range(count):
        yield forms[index % len(forms)].format(
            n=choose(NAMES), r=choose(NAMES), p=choose(PLACES), q=choose(PLACES), o=choose(NOUNS), a=choose(ADJECTIVES),
            v=choose(VERBS), m=choose(MONTHS), y=random_state.randint(1500, 2050), d=random_state.randint(0, 2000),
            c=random_state.randint(0, 59), k=random_state.randint(1, 120), j=random_state.randint(1, 31),
            h=random_state.randint(0, 9), t=random_state.randint(1, 999), s=random_state.randint(0, 999),
            w=random_state.randint(0, 23))


def main():
    voice = Hibari()
    sentences = WRITTEN.strip().splitlines()
    sentences += generated(500 - len(sentences), random.Random(7))
    for text in sentences:
        spoken = [voice.g2p(sentence) for sentence in voice.split_sentences(text)]
        print(text, " | ".join(spoken), sep="\t")


if __name__ == "__main__":
    main()
