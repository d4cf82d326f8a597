//! "I lost my job" becomes "you lost your job".

/// The longest clause that is said back, in words.
const LONGEST: usize = 16;

/// Words that begin a clause without belonging to it.
const OPENERS: [&str; 22] = [
    "and",
    "but",
    "so",
    "well",
    "honestly",
    "like",
    "because",
    "cause",
    "cuz",
    "actually",
    "basically",
    "then",
    "also",
    "just",
    "um",
    "uh",
    "yeah",
    "yes",
    "no",
    "oh",
    "anyway",
    "okay",
];

/// How a clause may begin so that it tells something.
const SUBJECTS: [&str; 32] = [
    "i",
    "i'm",
    "i've",
    "i'd",
    "i'll",
    "my",
    "we",
    "we're",
    "we've",
    "he",
    "he's",
    "she",
    "she's",
    "they",
    "they're",
    "nobody",
    "everyone",
    "everybody",
    "everything",
    "nothing",
    "someone",
    "people",
    "it",
    "it's",
    "the",
    "our",
    "today",
    "yesterday",
    "lately",
    "last",
    "nothing's",
    "everything's",
];

/// Words by which a clause speaks to the counselor, or that do not survive the turning.
const REFUSED: [&str; 24] = [
    "you", "your", "you're", "yours", "u", "please", "let's", "this", "thank", "thanks", "hi", "hello",
    "lol", "bye", "fuck", "fucking", "shit", "cant", "dont", "im", "ive", "idk", "tbh", "ngl",
];

/// The clause with the first person turned into the second.
pub(super) fn turned(clause: &str) -> Option<String> {
    let clause = clause.replace('’', "'");
    let clause = clause.trim_end_matches(|c: char| !c.is_alphanumeric());
    if clause.contains(['"', '“', '”', '(', ')', '?', '@', '/', '*']) {
        return None;
    }
    let words: Vec<&str> = clause.split_whitespace().collect();
    let openers = words.iter().take_while(|word| OPENERS.contains(&bare(word).as_str())).count();
    let words = &words[openers..];
    let tells = words.first().is_some_and(|word| SUBJECTS.contains(&bare(word).as_str()));
    let refused = words.iter().any(|word| REFUSED.contains(&bare(word).as_str()));
    let hangs = words.last().is_some_and(|word| matches!(*word, "like" | "that" | "because" | "and" | "but"));
    if !tells || refused || hangs || !(4..=LONGEST).contains(&words.len()) {
        return None;
    }
    let mut told: Vec<String> = Vec::new();
    for word in words {
        let next = match (told.last().map(String::as_str), bare(word).as_str()) {
            (Some("you"), "am") => "are".to_owned(),
            (Some("you"), "was") => "were".to_owned(),
            (Some("you"), "wasn't") => "weren't".to_owned(),
            (_, known) => turned_word(known).map_or_else(|| lowered(word, told.is_empty()), str::to_owned),
        };
        let comma = if word.ends_with(',') { "," } else { "" };
        told.push(format!("{}{comma}", next.trim_end_matches(',')));
    }
    Some(told.join(" "))
}

/// A word without signs around it, in lower case.
fn bare(word: &str) -> String {
    word.trim_matches([',', '.', '!', ':']).to_lowercase()
}

fn turned_word(word: &str) -> Option<&'static str> {
    Some(match word {
        "i" | "me" | "we" | "us" => "you",
        "i'm" | "we're" => "you're",
        "i've" | "we've" => "you've",
        "i'd" | "we'd" => "you'd",
        "i'll" | "we'll" => "you'll",
        "my" | "our" => "your",
        "mine" | "ours" => "yours",
        "myself" => "yourself",
        "ourselves" => "yourselves",
        _ => return None,
    })
}

/// The first word loses its capital; names inside keep theirs.
fn lowered(word: &str, first: bool) -> String {
    if first { word.to_lowercase() } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::turned;

    #[test]
    fn the_first_person_becomes_the_second() {
        for (clause, told) in [
            ("I failed my exam yesterday", "you failed your exam yesterday"),
            ("And I was alone with Anna", "you were alone with Anna"),
            ("I'm not sure about myself anymore", "you're not sure about yourself anymore"),
            ("My boss yelled at me in front of everyone", "your boss yelled at you in front of everyone"),
            ("We broke up last week", "you broke up last week"),
            ("Lately, I was up all night", "lately, you were up all night"),
            ("nobody ever asks me anything", "nobody ever asks you anything"),
        ] {
            assert_eq!(turned(clause).as_deref(), Some(told), "{clause}");
        }
    }

    #[test]
    fn what_cannot_be_turned_well_is_left() {
        for clause in [
            "I want you to help me",
            "I said \"no\" to my boss",
            "Why do I feel so bad",
            "I can't",
            "Tell me a joke now",
        ] {
            assert_eq!(turned(clause), None, "{clause}");
        }
    }
}
