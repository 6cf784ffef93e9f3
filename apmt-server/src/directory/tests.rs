use super::*;

fn read(text: &str) -> Result<Directory, YamlError> {
    Directory::from_yaml("directory.yaml", text)
}

fn person(directory: &Directory, actor: &str) -> Person {
    directory.person(&ActorName::new(actor).unwrap()).clone()
}

#[test]
fn what_is_said_of_a_person_goes_before_the_unit_and_the_unit_before_all() {
    let directory = read(
        "
organization: SBA
units:
  - {name: Denver, organization: SBA Denver, supervisor: dana@sba.gov}
  - {name: Boise}
people:
  - {actor: Anne@SBA.gov, name: Anne, unit: Denver}
  - {actor: bob, unit: Denver, organization: On loan, supervisor: {name: Kim}}
  - {actor: carol, unit: Boise}
  - {actor: dana@sba.gov, name: Dana}
  - {actor: erin, supervisor: bob}
",
    )
    .unwrap();
    assert_eq!(directory.len(), 5);
    let anne = person(&directory, " ANNE@sba.gov ");
    assert_eq!((anne.name(), anne.unit(), anne.organization()), ("Anne", "Denver", "SBA Denver"));
    assert_eq!((anne.supervisor_name(), anne.supervisor_email()), ("Dana", Some("dana@sba.gov")));
    let bob = person(&directory, "bob");
    assert_eq!((bob.organization(), bob.supervisor_name(), bob.supervisor_email()), ("On loan", "Kim", None));
    let carol = person(&directory, "carol");
    assert_eq!((carol.organization(), carol.supervisor_name(), carol.position()), ("SBA", "", ""));
    let erin = person(&directory, "erin");
    assert_eq!((erin.supervisor_name(), erin.supervisor_email()), ("", None), "bob is no address");
    assert_eq!(person(&directory, "nobody"), Person::default());
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, said) in [
        (
            "people: [{actor: a, nmae: A}]",
            "directory.yaml:1:21: \"nmae\" is no field of a person; expected actor, name, position, unit, organization or supervisor; did you mean name?",
        ),
        (
            "people: [{name: A}]",
            "directory.yaml:1:10: a person has no \"actor\"; expected the actor, as events name it",
        ),
        (
            "people: [{actor: a}, {actor: ' A '}]",
            "directory.yaml:1:30: a is written twice; expected each actor once",
        ),
        (
            "units: [{name: Denver}]\npeople: [{actor: a, unit: Denvr}]",
            "directory.yaml:2:27: no unit is called \"Denvr\"; expected one of the list of units; did you mean Denver?",
        ),
        (
            "units: [{name: D}, {name: D}]\npeople: []",
            "directory.yaml:1:27: the unit D is written twice; expected each once",
        ),
        (
            "people: [{actor: dana@sba.gov}, {actor: a, supervisor: dan@sba.gov}]",
            "directory.yaml:1:56: nobody here is \"dan@sba.gov\"; expected the actor of one of the people, or a name and an email; did you mean dana@sba.gov?",
        ),
        (
            "people: [{actor: a, supervisor: {email: dana}}]",
            "directory.yaml:1:41: expected an e-mail address, such as dana@agency.gov, found \"dana\"",
        ),
        (
            "[]",
            "directory.yaml:1:1: expected a directory with the fields organization, units, people, found a list",
        ),
        (
            "organization: SBA",
            "directory.yaml:1:1: a directory has no \"people\"; expected a list of people, each with an actor",
        ),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), said);
    }
}
